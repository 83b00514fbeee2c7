import type { Config } from "../config.ts";
import { monotonic } from "../platform/clock.ts";
import { every } from "../platform/periodic-task.ts";
import { createStartSignal } from "../platform/start-signal.ts";
import { ClusterClient } from "../platform/redis/cluster-client.ts";
import { readMemory, sumMemory } from "../platform/redis/info.ts";
import { RedisClient } from "../platform/redis/redis-client.ts";
import type { Redis, Script } from "../platform/redis/redis.ts";
import { createRedisTelemetry } from "../platform/telemetry/redis-telemetry.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import { parseRedisEndpoints } from "./redis-endpoint.ts";

/** How long the start waits for Redis, in ms. */
const startTimeoutMs = 1_000;
/** How often Redis is asked for its memory, in ms, and how long its answer may take. */
const memoryEveryMs = 10_000;
const memoryTimeoutMs = 200;

/**
 * The Redis that the settings name, not connecting yet: who wants to check its connections says so first.
 * @param scripts loaded into every connection before it is used. @returns undefined without settings. @throws ConfigError
 */
export function openRedis(config: Config, telemetry: Telemetry, scripts: readonly Script[] = []) {
  const endpoints = parseRedisEndpoints(config);
  if (endpoints === undefined) return undefined;
  const redisTelemetry = createRedisTelemetry({ telemetry, redis: () => redis, now: monotonic });
  const signal = createStartSignal();
  const options = {
    scripts,
    onAnswer: redisTelemetry.answered,
    onFailure: redisTelemetry.failed,
    onDisconnected(why: string) {
      redisTelemetry.unavailable(why);
      signal.fire();
    },
  };
  const redis =
    endpoints.kind === "cluster"
      ? new ClusterClient({ seeds: endpoints.seeds, ...options })
      : new RedisClient({ endpoint: endpoints.endpoint, ...options });
  const askMemory = async (): Promise<void> => {
    if (!redis.usable) return;
    redisTelemetry.memory(
      sumMemory(await Promise.all(redis.servers.map((server) => readMemory(server, memoryTimeoutMs)))),
    );
  };
  // Whatever is wrong with Redis is logged already.
  const memory = every(memoryEveryMs, askMemory, () => undefined);
  redis.onUsable((usable) => {
    if (usable) {
      redisTelemetry.available();
      signal.fire();
      void memory.runNow();
    } else if (redis.breaker !== "closed") redisTelemetry.unavailable("it does not answer in time");
  });
  return {
    redis: redis as Redis,
    /** Where to listen to what is published there. */
    endpoints: redis.endpoints,
    /** Number of the database. */
    db: endpoints.kind === "cluster" ? 0 : endpoints.endpoint.db,
    /** Begins to connect; resolves when it is usable, has failed for the first time or has said nothing for a second. Never throws. */
    async connect(): Promise<void> {
      redis.start();
      if (!(await signal.wait(startTimeoutMs))) redisTelemetry.unavailable("no answer");
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await redis[Symbol.asyncDispose]();
      await memory[Symbol.asyncDispose]();
    },
  };
}
export type OpenRedis = NonNullable<ReturnType<typeof openRedis>>;
