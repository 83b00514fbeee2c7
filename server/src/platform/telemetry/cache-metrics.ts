import type { Gauge, Registry } from "prom-client";
import { instruments } from "./instruments.ts";

const fractions = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 1];

/** What the gauges of the cache read when they are asked. */
export interface CacheGauges {
  epoch: () => number;
  isOn: () => boolean;
  dirtyRows: () => number;
  answerBytes: () => number;
}

/** Metrics of the cache; docs/running.md says what they mean. */
export function createCacheMetrics(registry: Registry) {
  const { counter, histogram, gauge } = instruments(registry);
  return {
    reads: counter("om_cache_reads_total", "Looks into the cache, by kind of object and result", "kind", "result"),
    fills: counter("om_cache_fills_total", "Values given to the cache, by kind of object and result", "kind", "result"),
    marks: counter("om_cache_marks_total", "Transactions that marked what they change, by result", "result"),
    markSeconds: histogram("om_cache_mark_seconds", "Time until the marks of a transaction were answered", fractions),
    posts: counter("om_cache_posts_total", "Committed changes given to cached histories, by result", "result"),
    dirtyAdded: counter("om_cache_dirty_rows_total", "Keys noted as changed without an acknowledged mark"),
    leaseWaits: counter("om_cache_lease_waits_total", "Reads that found another one filling the entry"),
    audits: counter("om_cache_audits_total", "Hits that were compared with the database"),
    staleReads: counter("om_cache_stale_reads_total", "Proven stale hits; must stay 0"),
    answers: counter(
      "om_answers_total",
      "Answers that may be kept: proven to be still right, found changed or not provable, and made anew",
      "result",
    ),
    shed: counter("om_shed_total", "Reads sent away to shelter the database"),
    watch: ({ epoch, isOn, dirtyRows, answerBytes }: CacheGauges): Gauge[] => [
      gauge("om_cache_epoch", "Epoch of the cache as this node knows it", epoch, "max"),
      gauge("om_cache_mode", "Whether the nodes use the cache: 0 off, 2 on", () => (isOn() ? 2 : 0), "min"),
      gauge("om_answer_bytes", "Memory that kept answers take", answerBytes),
      gauge("om_cache_dirty_rows", "Keys noted as dirty at the last look", dirtyRows, "max"),
    ],
  };
}
export type CacheMetrics = ReturnType<typeof createCacheMetrics>;
