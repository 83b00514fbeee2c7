import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { RedisMemory } from "../redis/info.ts";
import type { BreakerState, FailureReason, Redis } from "../redis/redis.ts";

const seconds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25];
const breakerNumbers: Record<BreakerState, number> = { closed: 0, "half open": 1, open: 2 };

/** Metrics of one Redis; they exist only where one is configured. */
export function createRedisMetrics(registry: Registry, redis: () => Pick<Redis, "usable" | "breaker">) {
  const registers = [registry];
  const gauge = (name: string, help: string, read?: () => number): Gauge =>
    new Gauge({
      name,
      help,
      registers,
      ...(read && {
        collect() {
          this.set(read());
        },
      }),
    });
  gauge("om_redis_usable", "Redis is connected and answers", () => Number(redis().usable));
  gauge("om_redis_breaker", "0 closed, 1 half open, 2 open", () => breakerNumbers[redis().breaker]);
  const bytes = gauge("om_redis_memory_bytes", "Memory that Redis uses");
  const maxBytes = gauge("om_redis_memory_max_bytes", "Memory that Redis may use; 0 is no limit");
  const evictedKeys = gauge("om_redis_evicted_keys", "Keys that Redis has evicted since it started");
  const callSeconds = new Histogram({
    name: "om_redis_call_seconds",
    help: "Time from a command's leaving to its answer, of those answered in time",
    buckets: seconds,
    registers,
  });
  const failures = new Counter<"reason">({
    name: "om_redis_failures_total",
    help: "Commands that failed or were not tried, by reason",
    labelNames: ["reason"],
    registers,
  });
  return {
    answered: (ms: number): void => callSeconds.observe(ms / 1_000),
    failed: (reason: FailureReason): void => failures.inc({ reason }),
    memory(now: RedisMemory): void {
      bytes.set(now.bytes);
      maxBytes.set(now.maxBytes);
      evictedKeys.set(now.evictedKeys);
    },
  };
}
