import type { Registry } from "prom-client";
import { createBusMetrics } from "../platform/telemetry/bus-telemetry.ts";
import { createCacheMetrics } from "../platform/telemetry/cache-metrics.ts";
import { createMetrics } from "../platform/telemetry/metrics.ts";
import { createRedisMetrics } from "../platform/telemetry/redis-telemetry.ts";

/** All metrics of a server with Redis, in epoch 7, with the cache off until it is turned on. */
export function everyMetric(): { registry: Registry; turnOn: () => void } {
  const metrics = createMetrics();
  metrics.watch({
    sockets: () => 0,
    laneDepth: () => 0,
    onlineUsers: async () => 0,
    sendQueueBytes: () => 0,
    pool: () => ({ total: 0, idle: 0, waiting: 0 }),
  });
  let on = false;
  createCacheMetrics(metrics.registry).watch({ epoch: () => 7, isOn: () => on, dirtyRows: () => 3 });
  createBusMetrics(metrics.registry);
  createRedisMetrics(metrics.registry, () => ({ usable: true, breaker: "half open" }));
  return { registry: metrics.registry, turnOn: () => void (on = true) };
}
