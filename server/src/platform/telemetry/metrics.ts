import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

const seconds = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What gauges read when they are asked. */
export interface Gauges {
  sockets: () => number;
  /** On all nodes. */
  onlineUsers: () => Promise<number>;
  laneDepth: () => number;
  sendQueueBytes: () => number;
  pool: () => { total: number; idle: number; waiting: number };
}

function createCounters(registers: Registry[]) {
  return {
    requests: new Counter({
      name: "om_http_requests_total",
      help: "HTTP requests answered",
      labelNames: ["route", "status"],
      registers,
    }),
    requestSeconds: new Histogram({
      name: "om_http_request_seconds",
      help: "Time from a request's arrival to the end of its answer",
      labelNames: ["route"],
      buckets: seconds,
      registers,
    }),
    sends: new Counter({
      name: "om_sends_total",
      help: "Messages given to the send path, by what became of them",
      labelNames: ["outcome"],
      registers,
    }),
    ackSeconds: new Histogram({
      name: "om_ack_seconds",
      help: "Time from a message's arrival to its commit",
      buckets: seconds,
      registers,
    }),
    framesIn: new Counter({
      name: "om_frames_in_total",
      help: "WebSocket frames received, by type",
      labelNames: ["type"],
      registers,
    }),
    bytesIn: new Counter({ name: "om_frame_bytes_in_total", help: "Bytes of WebSocket frames received", registers }),
    pushes: new Counter({ name: "om_pushes_total", help: "Events pushed to sockets", registers }),
    slowSockets: new Counter({
      name: "om_slow_sockets_total",
      help: "Sockets closed because they read too slowly",
      registers,
    }),
    querySeconds: new Histogram({
      name: "om_query_seconds",
      help: "Time of a history or list read, by where the history or list came from",
      labelNames: ["source"],
      buckets: [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
      registers,
    }),
    failures: new Counter({
      name: "om_failures_total",
      help: "Errors that were not the caller's, by where they happened",
      labelNames: ["where"],
      registers,
    }),
  };
}

/** Every metric of the server, in a registry of its own. */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return {
    registry,
    ...createCounters([registry]),
    /** Gauges that are read at every scrape. */
    watch: (gauges: Gauges): Gauge[] => createGauges(gauges, [registry]),
  };
}
export type Metrics = ReturnType<typeof createMetrics>;

function createGauges(gauges: Gauges, registers: Registry[]): Gauge[] {
  const gauge = (name: string, help: string, read: () => number | Promise<number>): Gauge =>
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        this.set(await read());
      },
    });
  return [
    gauge("om_sockets", "Open WebSocket connections", gauges.sockets),
    gauge("om_online_users", "Users who are connected, on all nodes", gauges.onlineUsers),
    gauge("om_lane_depth", "Writes that wait for or are in a batch", gauges.laneDepth),
    gauge("om_send_queue_bytes", "Bytes that wait for slow sockets", gauges.sendQueueBytes),
    gauge("om_database_connections", "Connections to the database", () => gauges.pool().total),
    gauge("om_database_connections_idle", "Idle connections to the database", () => gauges.pool().idle),
    gauge("om_database_waiting", "Callers that wait for a connection", () => gauges.pool().waiting),
  ];
}
