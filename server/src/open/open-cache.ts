import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { openCache, type Cache } from "../cache/cache.ts";
import type { CacheEvents } from "../cache/events.ts";
import type { Config } from "../config.ts";
import type { Storage } from "./open-storage.ts";
import { presenceCounter } from "../presence/presence-keys.ts";
import type { Clock } from "../platform/clock.ts";
import type { Redis } from "../platform/redis/redis.ts";
import { createCacheMetrics, type CacheMetrics } from "../platform/telemetry/cache-metrics.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import type { OnStep } from "../cache/steps.ts";

/** The cache over the database and, if there is one, Redis; its metrics are in the server's registry from then on. */
export async function composeCache(deps: {
  config: Pick<Config, "dbPool">;
  storage: Pick<Storage, "db" | "aside">;
  redis: Redis | undefined;
  telemetry: Telemetry;
  step?: OnStep | undefined;
  /** The same on all nodes: entries say until when they are good. */
  now: Clock;
}): Promise<Cache> {
  const { storage, redis, telemetry, step } = deps;
  const metrics = createCacheMetrics(telemetry.metrics.registry);
  const cache = await openCache({
    db: storage.db,
    aside: storage.aside,
    redis,
    // Half of the pool stays for writers, whatever is read.
    parallelLoads: Math.max(1, Math.floor(deps.config.dbPool / 2)),
    counters: redis === undefined ? [] : [presenceCounter(redis)],
    nodeId: `${hostname()}-${randomUUID()}`,
    events: eventsOf(metrics),
    onError: (error) => telemetry.failure("cache", error),
    now: deps.now,
    pause: (ms) => delay(ms),
    step,
  });
  metrics.watch({
    answerBytes: () => cache.answers.state().bytes,
    epoch: () => cache.state().epoch,
    isOn: () => cache.state().mode === "on",
    dirtyRows: () => cache.state().dirty,
  });
  return cache;
}

function eventsOf(metrics: CacheMetrics): CacheEvents {
  return {
    read: (kind, result) => metrics.reads.inc({ kind, result }),
    hit: () => undefined,
    fill: (kind, result) => metrics.fills.inc({ kind, result }),
    leaseWait: () => metrics.leaseWaits.inc(),
    shed: () => metrics.shed.inc(),
    marked(result, seconds) {
      metrics.marks.inc({ result });
      if (result !== "skipped") metrics.markSeconds.observe(seconds);
    },
    posted: (result, count) => metrics.posts.inc({ result }, count),
    dirtyAdded: (rows) => metrics.dirtyAdded.inc(rows),
    answered: (result) => metrics.answers.inc({ result }),
    audited(isStale) {
      metrics.audits.inc();
      if (isStale) metrics.staleReads.inc();
    },
  };
}
