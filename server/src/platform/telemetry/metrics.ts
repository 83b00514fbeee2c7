import cluster from "node:cluster";
import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { shareMetrics } from "../worker.ts";
import { instruments } from "./instruments.ts";

const seconds = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const querySeconds = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];

/** What gauges read when they are asked. */
export interface Gauges {
  sockets: () => number;
  /** On all nodes. */
  onlineUsers: () => Promise<number>;
  laneDepth: () => number;
  sendQueueBytes: () => number;
  pool: () => { total: number; idle: number; waiting: number };
  /** The parts of /ready, by name. */
  ready: () => Promise<Record<string, "ok" | "unavailable">>;
}

/** The metrics of every server, in a registry of its own. */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const { counter, tally, histogram, gauge } = instruments(registry);
  return {
    /** What /metrics answers: of all workers, if this is one of several. */
    text: cluster.isWorker ? shareMetrics(registry) : () => registry.metrics(),
    registry,
    requests: counter("om_http_requests_total", "HTTP requests answered", "route", "status"),
    requestSeconds: histogram(
      "om_http_request_seconds",
      "Time from a request's arrival to the end of its answer",
      seconds,
      "route",
    ),
    sends: counter("om_sends_total", "Messages given to the send path, by what became of them", "outcome"),
    ackSeconds: histogram("om_ack_seconds", "Time from a message's arrival to its commit", seconds),
    framesIn: counter("om_frames_in_total", "WebSocket frames received, by type", "type"),
    bytesIn: counter("om_frame_bytes_in_total", "Bytes of WebSocket frames received"),
    pushed: tally("om_pushes_total", "Events pushed to sockets"),
    slowSockets: counter("om_slow_sockets_total", "Sockets closed because they read too slowly"),
    querySeconds: histogram(
      "om_query_seconds",
      "Time of a history or list read, by where the history or list came from",
      querySeconds,
      "source",
    ),
    security: counter("om_security_events_total", "Logins and the like, by what became of them", "event", "result"),
    replicaReads: counter(
      "om_replica_reads_total",
      "Statements that a replica may answer, by where they were answered",
      "from",
    ),
    failures: counter("om_failures_total", "Errors that were not the caller's, by where they happened", "where"),
    /** Gauges that are read at every scrape. */
    watch: ({ sockets, onlineUsers, laneDepth, sendQueueBytes, pool, ready }: Gauges): Gauge[] => [
      gauge("om_sockets", "Open WebSocket connections", sockets),
      gauge("om_online_users", "Users who are connected, on all nodes", onlineUsers, "max"),
      gauge("om_lane_depth", "Writes that wait for or are in a batch", laneDepth),
      gauge("om_send_queue_bytes", "Bytes that wait for slow sockets", sendQueueBytes),
      readyGauge(registry, ready),
      gauge("om_database_connections", "Connections to the database", () => pool().total),
      gauge("om_database_connections_idle", "Idle connections to the database", () => pool().idle),
      gauge("om_database_waiting", "Callers that wait for a connection", () => pool().waiting),
    ],
  };
}

function readyGauge(registry: Registry, ready: Gauges["ready"]): Gauge {
  const gauge: Gauge<"part"> = new Gauge({
    name: "om_ready",
    help: "1: the part of /ready can be used",
    labelNames: ["part"],
    registers: [registry],
    aggregator: "min",
    async collect() {
      for (const [part, state] of Object.entries(await ready())) gauge.set({ part }, Number(state === "ok"));
    },
  });
  return gauge;
}
export type Metrics = ReturnType<typeof createMetrics>;
