import { unlink } from "node:fs/promises";
import { join } from "node:path";
import { startRedis, type RedisServer } from "@om/services";
import { Redis } from "ioredis";

/** A Redis that nodes use, and one that may take its place. */
export interface RedisPair extends AsyncDisposable {
  primary(): RedisServer;
  standby(): RedisServer;
  /** From now on the other one is the primary. */
  swap(): void;
  /** One command to the primary, past the proxies; a new connection each time. */
  ask(...command: [string, ...(string | number)[]]): Promise<unknown>;
  /** One command to the standby. */
  askStandby(...command: [string, ...(string | number)[]]): Promise<unknown>;
  /** Several commands in one go, for looking at many entries; answers are Buffers. */
  askAll(commands: readonly [string, ...(string | number)[]][]): Promise<unknown[]>;
  /** Removes what it would load at its next start. */
  forgetDump(server: RedisServer): Promise<void>;
}

/** Room for the test, no persistence; replication starts at once, so that a failover is quick. */
const settings = { maxmemory: "64mb", "maxmemory-policy": "allkeys-lru", "repl-diskless-sync-delay": "0" };

export async function startRedisPair(): Promise<RedisPair> {
  const servers = [await startRedis(settings), await startRedis(settings)] as const;
  const dumps = new Map<RedisServer, string>();
  for (const server of servers)
    dumps.set(server, join(String((await command(server, "CONFIG", "GET", "dir"))[1]), "dump.rdb"));
  let first = 0;
  const primary = (): RedisServer => servers[first === 0 ? 0 : 1];
  const standby = (): RedisServer => servers[first === 0 ? 1 : 0];
  return {
    primary,
    standby,
    swap: () => void (first = 1 - first),
    ask: async (...words) => once(primary(), words),
    askStandby: async (...words) => once(standby(), words),
    async askAll(commands) {
      const client = await open(primary());
      try {
        const pipeline = client.pipeline();
        for (const [name, ...args] of commands) pipeline.callBuffer(name, ...args);
        return ((await pipeline.exec()) ?? []).map(([, answer]) => answer);
      } finally {
        client.disconnect();
      }
    },
    forgetDump: (server) => unlink(dumps.get(server) ?? "").catch(() => undefined),
    async [Symbol.asyncDispose]() {
      for (const server of servers) await server[Symbol.asyncDispose]();
    },
  };
}

async function command(server: RedisServer, ...words: [string, ...string[]]): Promise<unknown[]> {
  const answer = await once(server, words);
  return Array.isArray(answer) ? (answer as unknown[]) : [answer];
}

async function once(server: RedisServer, [name, ...args]: readonly [string, ...(string | number)[]]): Promise<unknown> {
  const client = await open(server);
  try {
    return await client.call(name, ...args);
  } finally {
    client.disconnect();
  }
}

async function open(server: RedisServer): Promise<Redis> {
  const client = new Redis(server.url, {
    lazyConnect: true,
    protocol: 2,
    retryStrategy: null,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
    connectTimeout: 2_000,
    commandTimeout: 5_000,
  });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}
