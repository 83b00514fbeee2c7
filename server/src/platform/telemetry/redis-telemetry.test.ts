import { expect, test } from "vitest";
import { createLogger } from "./logger.ts";
import { createRedisTelemetry } from "./redis-telemetry.ts";
import { createTelemetry } from "./telemetry.ts";

function told() {
  const lines: string[] = [];
  const clock = { now: 1_000_000 };
  const log = createLogger("info", { write: (line) => void lines.push((JSON.parse(line) as { msg: string }).msg) });
  const telemetry = {
    ...createTelemetry({ logLevel: "silent", logFrameSizes: false, monotonic: () => clock.now }),
    log,
  };
  const redis = { usable: true, breaker: "half open" } as const;
  const redisTelemetry = createRedisTelemetry({ telemetry, redis: () => redis, now: () => clock.now });
  return { ...redisTelemetry, lines, clock, registry: telemetry.metrics.registry };
}

const failed = (why: string): string => `WARNING: Redis connection failed: ${why}. Running without cache.`;
const connected = "Redis cache connected successfully";

test("an outage is told once, another reason a minute later, and its end", () => {
  const { unavailable, available, lines, clock } = told();
  unavailable("connection refused");
  unavailable("connection refused");
  clock.now += 59_999;
  unavailable("connection reset");
  clock.now += 1;
  unavailable("connection refused");
  unavailable("unknown host");
  expect(lines).toEqual([failed("connection refused"), failed("unknown host")]);
  available();
  unavailable("unknown host");
  expect(lines.slice(2)).toEqual([connected, failed("unknown host")]);
});

test("what was never told does not end", () => {
  const { available, lines } = told();
  available();
  available();
  expect(lines).toEqual([connected]);
});

const gigabyte = 1_024 ** 3;
test.each([
  [{ maxBytes: 0, policy: "allkeys-lru" }, "no limit and the policy allkeys-lru"],
  [{ maxBytes: 2 * gigabyte, policy: "noeviction" }, "2048mb and the policy noeviction"],
  [{ maxBytes: gigabyte / 2, policy: "volatile-lru" }, "512mb and the policy volatile-lru"],
  [{ maxBytes: 2 * gigabyte, policy: "allkeys-lru" }, undefined],
  [{ maxBytes: 4 * gigabyte, policy: "volatile-lru" }, undefined],
])("of %j it says once what is advisable", (found, now) => {
  const { memory, lines } = told();
  memory({ bytes: 1, evictedKeys: 0, ...found });
  memory({ bytes: 1, evictedKeys: 0, maxBytes: 0, policy: "noeviction" });
  const advice = `Redis has maxmemory ${now}; advisable are maxmemory 2gb and allkeys-lru or volatile-lru`;
  expect(lines).toEqual(now === undefined ? [] : [advice]);
});

test("its metrics", async () => {
  const { answered, failed, memory, registry } = told();
  answered(2);
  failed("timeout");
  memory({ bytes: 3, maxBytes: 4, policy: "allkeys-lru", evictedKeys: 5 });
  const text = await registry.metrics();
  const wanted = [
    "om_redis_usable 1",
    "om_redis_breaker 1",
    'om_redis_call_seconds_bucket{le="0.001"} 0',
    'om_redis_call_seconds_bucket{le="0.0025"} 1',
    'om_redis_failures_total{reason="timeout"} 1',
    "om_redis_memory_bytes 3",
    "om_redis_memory_max_bytes 4",
    "om_redis_evicted_keys 5",
  ];
  for (const line of wanted) expect(text.split("\n")).toContain(line);
});
