import type { Config } from "./config.ts";
import { every } from "./platform/background.ts";
import { deferred } from "./platform/deferred.ts";
import type { Endpoint } from "./platform/redis/connection.ts";
import { readMemory } from "./platform/redis/info.ts";
import { RedisClient } from "./platform/redis/redis-client.ts";
import type { Redis, Script } from "./platform/redis/redis.ts";
import { createRedisTelemetry } from "./platform/telemetry/redis-telemetry.ts";
import type { Telemetry } from "./platform/telemetry/telemetry.ts";
import { redisEndpoint } from "./redis-endpoint.ts";

/** The Redis that the settings name, not connecting yet: who wants to check its connections says so first. */
export interface OpenRedis extends AsyncDisposable {
  readonly redis: Redis;
  readonly endpoint: Endpoint;
  /** Begins to connect; resolves when it is usable, has failed for the first time or has said nothing for a second. Never throws. */
  connect(): Promise<void>;
}

/** How long the start waits for Redis, in ms. */
const startPatience = 1_000;
/** How often Redis is asked for its memory, in ms, and how long its answer may take. */
const memoryPeriod = 10_000;
const memoryPatience = 200;

/** @param scripts loaded into every connection before it is used. @returns undefined without settings. @throws ConfigError */
export function openRedis(
  config: Config,
  telemetry: Telemetry,
  scripts: readonly Script[] = [],
): OpenRedis | undefined {
  const endpoint = redisEndpoint(config);
  if (endpoint === undefined) return undefined;
  const told = createRedisTelemetry({ telemetry, redis: () => redis, now: Date.now });
  const { promise: settled, resolve: settle } = deferred();
  const redis = new RedisClient({
    endpoint,
    scripts,
    onAnswer: told.answered,
    onFailure: told.failed,
    onTrouble(why) {
      told.unavailable(why);
      settle();
    },
  });
  const askMemory = async (): Promise<void> => {
    if (redis.usable) told.memory(await readMemory(redis, memoryPatience));
  };
  // Whatever is wrong with Redis is told already.
  const memory = every(memoryPeriod, askMemory, () => undefined);
  redis.onUsable((usable) => {
    if (usable) {
      told.available();
      settle();
      void memory.runNow();
    } else if (redis.breaker !== "closed") told.unavailable("it does not answer in time");
  });
  return {
    redis,
    endpoint,
    async connect() {
      redis.start();
      const timer = setTimeout(() => {
        told.unavailable("no answer");
        settle();
      }, startPatience);
      await settled;
      clearTimeout(timer);
    },
    async [Symbol.asyncDispose]() {
      await redis[Symbol.asyncDispose]();
      await memory[Symbol.asyncDispose]();
    },
  };
}
