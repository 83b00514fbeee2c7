import type { Registry } from "prom-client";
import type { RedisMemory } from "../redis/info.ts";
import type { BreakerState, FailureReason, Redis } from "../redis/redis.ts";
import { instruments } from "./instruments.ts";
import { createOutage } from "./outage.ts";
import type { Telemetry } from "./telemetry.ts";

const seconds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25];
const breakerNumbers: Record<BreakerState, number> = { closed: 0, "half open": 1, open: 2 };

/** Metrics of one Redis; they exist only where one is configured. */
export function createRedisMetrics(registry: Registry, redis: () => Pick<Redis, "usable" | "breaker">) {
  const { counter, gauge, histogram } = instruments(registry);
  gauge("om_redis_usable", "Redis is connected and answers", () => Number(redis().usable), "min");
  gauge("om_redis_breaker", "0 closed, 1 half open, 2 open", () => breakerNumbers[redis().breaker], "max");
  return {
    bytes: gauge("om_redis_memory_bytes", "Memory that Redis uses", undefined, "max"),
    maxBytes: gauge("om_redis_memory_max_bytes", "Memory that Redis may use; 0 is no limit", undefined, "max"),
    evictedKeys: gauge("om_redis_evicted_keys", "Keys that Redis has evicted since it started", undefined, "max"),
    callSeconds: histogram(
      "om_redis_call_seconds",
      "Time from a command's leaving to its answer, of those answered in time",
      seconds,
    ),
    failures: counter("om_redis_failures_total", "Commands that failed or were not tried, by reason", "reason"),
  };
}

const advisableBytes = 2 * 1_024 ** 3;
const advisablePolicies = ["allkeys-lru", "volatile-lru"];

/** What is counted and logged of Redis. */
export function createRedisTelemetry(options: {
  telemetry: Telemetry;
  redis: () => Pick<Redis, "usable" | "breaker">;
  now: () => number;
}) {
  const { telemetry, redis, now } = options;
  const { log } = telemetry;
  const metrics = createRedisMetrics(telemetry.metrics.registry, redis);
  const outage = createOutage(log, now);
  let greeted = false;
  let advised = false;
  return {
    answered: (ms: number): void => metrics.callSeconds.observe(ms / 1_000),
    failed: (reason: FailureReason): void => metrics.failures.inc({ reason }),
    /** There is no usable connection; `why` is a text without secrets. Logged when it begins, then once a minute if it changes. */
    unavailable(why: string): void {
      telemetry.metrics.failures.inc({ where: "redis" });
      outage.begin(why, `WARNING: Redis connection failed: ${why}. Running without cache.`);
    },
    /** It is usable, for the first time or again; logged unless the outage was not. */
    available(): void {
      if (outage.end() || !greeted) log.info("Redis cache connected successfully");
      greeted = true;
    },
    /** Logged once: what is advisable. */
    memory(memory: RedisMemory): void {
      metrics.bytes.set(memory.bytes);
      metrics.maxBytes.set(memory.maxBytes);
      metrics.evictedKeys.set(memory.evictedKeys);
      if (advised) return;
      advised = true;
      const wrong = memory.maxBytes < advisableBytes || !advisablePolicies.includes(memory.policy);
      if (wrong) log.warn(memoryAdvice(memory));
    },
  };
}

function memoryAdvice({ maxBytes, policy }: RedisMemory): string {
  const limit = maxBytes === 0 ? "no limit" : `${Math.round(maxBytes / 1_024 ** 2)}mb`;
  return `Redis has maxmemory ${limit} and the policy ${policy}; advisable are maxmemory 2gb and ${advisablePolicies.join(" or ")}`;
}
