import { repeatFor, sleep, type Fault, type FaultDeps } from "./fault.ts";
import { failOver } from "./fail-over.ts";
import { until } from "./until.ts";

/** What happens to the Redis server itself. */
const faults: Record<string, (deps: FaultDeps) => Promise<void>> = {
  async "Redis frozen"({ stage, random, ms }) {
    const server = stage.redis.primary();
    server.pause();
    try {
      await sleep(Math.min(ms, random.pick([20, 100, 300, 1_000, 3_000])));
    } finally {
      server.resume();
    }
  },

  async "Redis killed, comes back empty"({ stage, random, ms }) {
    const server = stage.redis.primary();
    await server.kill();
    await stage.redis.forgetDump(server);
    await sleep(random.between(0, ms));
    await server.start();
  },

  async "Redis killed, comes back with old data"({ stage, random, ms }) {
    const { redis } = stage;
    const server = redis.primary();
    await redis.ask("BGSAVE");
    await until(async () => String(await redis.ask("INFO", "persistence")).includes("rdb_bgsave_in_progress:0"));
    await sleep(ms / 2);
    await server.kill();
    await sleep(random.between(0, ms / 2));
    await server.start();
    await redis.forgetDump(server);
  },

  "Redis flushed": ({ stage, random, ms }) =>
    repeatFor(
      ms,
      () => random.between(30, 400),
      () => stage.redis.ask("FLUSHALL"),
    ),

  async "random keys deleted"({ stage, random, ms, count }) {
    await repeatFor(
      ms,
      () => random.between(10, 60),
      async () => {
        const key = await stage.redis.ask("RANDOMKEY");
        if (typeof key !== "string") return;
        await stage.redis.ask("DEL", key);
        count("keys deleted");
      },
    );
  },

  "counters deleted": ({ stage, random, ms }) =>
    repeatFor(
      ms,
      // So that it happens between a mark and the commit.
      () => random.between(0, 30),
      () => stage.redis.ask("DEL", "profile:ver", "presence:ver"),
    ),

  async "Redis evicts"({ stage, ms, count }) {
    const before = await evictions(stage.redis);
    await withMemory(stage.redis, { ms, policy: "allkeys-lru", share: 0.5 });
    count("keys evicted", (await evictions(stage.redis)) - before);
  },

  "Redis full": ({ stage, ms }) => withMemory(stage.redis, { ms, policy: "noeviction", share: 0 }),

  "scripts flushed": ({ stage, random, ms }) =>
    repeatFor(
      ms,
      () => random.between(30, 300),
      () => stage.redis.ask("SCRIPT", "FLUSH"),
    ),

  "clients killed": ({ stage, random, ms }) =>
    repeatFor(
      ms,
      () => random.between(50, 400),
      () => stage.redis.ask("CLIENT", "KILL", "TYPE", "normal"),
    ),

  async "Redis read-only"({ stage, ms }) {
    // A replica of nobody keeps what it has, and takes no writes.
    await stage.redis.ask("REPLICAOF", "127.0.0.1", 1);
    try {
      await sleep(ms);
    } finally {
      await stage.redis.ask("REPLICAOF", "NO", "ONE");
    }
  },

  "failover to a replica that lags": failOver,
};

export const redisFaults: readonly Fault[] = Object.entries(faults).map(([name, run]) => ({
  name,
  part: "redis",
  run,
}));

type Redis = FaultDeps["stage"]["redis"];

/** Leaves room for a share of what is stored. */
async function withMemory(
  redis: Redis,
  { ms, policy, share }: { ms: number; policy: string; share: number },
): Promise<void> {
  const info = String(await redis.ask("INFO", "memory"));
  const [used, stored] = [field(info, "used_memory"), field(info, "used_memory_dataset")];
  await redis.ask("CONFIG", "SET", "maxmemory-policy", policy);
  await redis.ask("CONFIG", "SET", "maxmemory", share === 0 ? 1 : Math.round(used - stored * (1 - share)));
  try {
    await sleep(ms);
  } finally {
    await redis.ask("CONFIG", "SET", "maxmemory", "64mb");
    await redis.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
  }
}

async function evictions(redis: Redis): Promise<number> {
  return field(String(await redis.ask("INFO", "stats")), "evicted_keys");
}

function field(info: string, name: string): number {
  return Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1] ?? 0);
}
