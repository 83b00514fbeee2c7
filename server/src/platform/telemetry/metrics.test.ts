import type { Metric } from "prom-client";
import { expect, test } from "vitest";
import { everyMetric } from "../../../tests/fixtures/every-metric.ts";

/** What dashboards, alerts and docs/running.md are written for: names and labels stay as they are. */
const labels: Record<string, string[]> = {
  om_http_requests_total: ["route", "status"],
  om_http_request_seconds: ["route"],
  om_sends_total: ["outcome"],
  om_ack_seconds: [],
  om_frames_in_total: ["type"],
  om_frame_bytes_in_total: [],
  om_pushes_total: [],
  om_slow_sockets_total: [],
  om_query_seconds: ["source"],
  om_ready: ["part"],
  om_replica_reads_total: ["from"],
  om_security_events_total: ["event", "result"],
  om_failures_total: ["where"],
  om_sockets: [],
  om_worker_restarts_total: [],
  om_workers: [],
  om_online_users: [],
  om_lane_depth: [],
  om_send_queue_bytes: [],
  om_database_connections: [],
  om_database_connections_idle: [],
  om_database_waiting: [],
  om_cache_reads_total: ["kind", "result"],
  om_cache_fills_total: ["kind", "result"],
  om_cache_marks_total: ["result"],
  om_cache_mark_seconds: [],
  om_cache_posts_total: ["result"],
  om_cache_dirty_rows_total: [],
  om_cache_dirty_rows: [],
  om_cache_lease_waits_total: [],
  om_answers_total: ["result"],
  om_answer_bytes: [],
  om_cache_stale_reads_total: [],
  om_cache_audits_total: [],
  om_cache_epoch: [],
  om_cache_mode: [],
  om_shed_total: [],
  om_redis_usable: [],
  om_redis_breaker: [],
  om_redis_memory_bytes: [],
  om_redis_memory_max_bytes: [],
  om_redis_evicted_keys: [],
  om_redis_call_seconds: [],
  om_redis_failures_total: ["reason"],
  om_bus_published_total: [],
  om_bus_received_total: [],
  om_bus_dropped_total: ["reason"],
  om_bus_reconnects_total: [],
  om_bus_listening: [],
};

test("every metric has its name and its labels, and there are no others", () => {
  const { registry } = everyMetric();
  const found = registry
    .getMetricsAsArray()
    .map((metric) => metric as unknown as Metric & { name: string; labelNames: string[] })
    .filter(({ name }) => name.startsWith("om_"));
  expect(Object.fromEntries(found.map(({ name, labelNames }) => [name, labelNames]))).toEqual(labels);
});

test("/metrics shows them: gauges as they are now, counters without labels from 0", async () => {
  const { registry, turnOn } = everyMetric();
  const text = await registry.metrics();
  for (const name of Object.keys(labels)) expect(text).toContain(`# TYPE ${name} `);
  for (const line of ["om_cache_stale_reads_total 0", "om_shed_total 0", "om_cache_epoch 7", "om_cache_mode 0"]) {
    expect(text).toContain(`\n${line}\n`);
  }
  expect(text).toContain("\nom_redis_breaker 1\n");
  turnOn();
  expect(await registry.metrics()).toContain("\nom_cache_mode 2\n");
});
