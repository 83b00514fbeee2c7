import type { RedisMemory } from "../redis/info.ts";
import type { FailureReason, Redis } from "../redis/redis.ts";
import { createRedisMetrics } from "./redis-metrics.ts";
import type { Telemetry } from "./telemetry.ts";

/** What is counted and told about Redis. */
export interface RedisTelemetry {
  answered(ms: number): void;
  failed(reason: FailureReason): void;
  /** There is no usable connection; `why` is a text without secrets. Told when it begins, then once a minute if it changes. */
  unavailable(why: string): void;
  /** It is usable, for the first time or again; told unless the outage was not. */
  available(): void;
  /** Told once: what is advisable. */
  memory(memory: RedisMemory): void;
}

const advisableBytes = 2 * 1_024 ** 3;
const advisablePolicies = ["allkeys-lru", "volatile-lru"];
/** Between two warnings of one outage, in ms. */
const warningPause = 60_000;

export function createRedisTelemetry(options: {
  telemetry: Telemetry;
  redis: () => Pick<Redis, "usable" | "breaker">;
  now: () => number;
}): RedisTelemetry {
  const { telemetry, redis, now } = options;
  const { log } = telemetry;
  const metrics = createRedisMetrics(telemetry.metrics.registry, redis);
  let told: { why: string; at: number } | undefined;
  let greeted = false;
  let advised = false;
  return {
    answered: metrics.answered,
    failed: metrics.failed,
    unavailable(why) {
      telemetry.metrics.failures.inc({ where: "redis" });
      if (told !== undefined && (told.why === why || now() - told.at < warningPause)) return;
      told = { why, at: now() };
      log.warn(`WARNING: Redis connection failed: ${why}. Running without cache.`);
    },
    available() {
      if (greeted && told === undefined) return;
      greeted = true;
      told = undefined;
      log.info("Redis cache connected successfully");
    },
    memory(memory) {
      metrics.memory(memory);
      if (advised) return;
      advised = true;
      const wrong = memory.maxBytes < advisableBytes || !advisablePolicies.includes(memory.policy);
      if (wrong) log.warn(advice(memory));
    },
  };
}

function advice({ maxBytes, policy }: RedisMemory): string {
  const limit = maxBytes === 0 ? "no limit" : `${Math.round(maxBytes / 1_024 ** 2)}mb`;
  return `Redis has maxmemory ${limit} and the policy ${policy}; advisable are maxmemory 2gb and ${advisablePolicies.join(" or ")}`;
}
