import type { InboundType } from "@om/protocol";
import { DatabaseUnavailable } from "../postgres/database.ts";
import { OmError } from "../om-error.ts";
import { createLogger, type Logger } from "./logger.ts";
import { createMetrics, type Metrics } from "./metrics.ts";

/** One function per event, which counts it and logs it: nobody else touches counters. */
export interface Telemetry {
  log: Logger;
  metrics: Metrics;
  /** An error of a background task or of the infrastructure: counted always, logged once per second and place at most. */
  failure(where: string, error: unknown): void;
  http: {
    /** A request was answered; `url` without secrets. */
    answered(event: {
      id: string;
      method: string;
      url: string;
      route: string;
      status: number;
      ms: number;
      ip: string;
    }): void;
    /** It ended with an error that was not the caller's. */
    failed(request: { id: string; route: string }, error: unknown): void;
  };
  sends: { observe<T extends { row: { outcome: string } }>(send: () => Promise<T>): Promise<T> };
  /** A history or list was read, within `ms`; `source` is where the history or list itself came from. */
  queried(source: "cache" | "database", ms: number): void;
  sockets: {
    frame(type: InboundType | "refused", bytes: number): void;
    push(): void;
    slow(): void;
    failure(error: unknown): void;
  };
}

export function createTelemetry(options: { logLevel: string; logFrameSizes: boolean; now: () => number }): Telemetry {
  const log = createLogger(options.logLevel);
  const metrics = createMetrics();
  const loggedAt = new Map<string, number>();

  function failure(where: string, error: unknown): void {
    metrics.failures.inc({ where });
    const at = options.now();
    if (at - (loggedAt.get(where) ?? Number.NEGATIVE_INFINITY) < 1_000) return;
    loggedAt.set(where, at);
    log.error({ where, err: error }, "failure");
  }

  return {
    log,
    metrics,
    failure,
    http: {
      answered({ route, ms, ...event }) {
        metrics.requests.inc({ route, status: event.status });
        metrics.requestSeconds.observe({ route }, ms / 1000);
        log.info({ ...event, ms: Math.round(ms * 10) / 10 }, "request");
      },
      failed({ id, route }, error) {
        const where = `http ${route}`;
        // An outage fails every request alike; a defect is told for each.
        if (error instanceof DatabaseUnavailable) return failure(where, error);
        metrics.failures.inc({ where });
        log.error({ where, id, err: error }, "request failed");
      },
    },
    sends: {
      async observe(send) {
        const started = process.hrtime.bigint();
        try {
          const sent = await send();
          metrics.sends.inc({ outcome: sent.row.outcome });
          metrics.ackSeconds.observe(Number(process.hrtime.bigint() - started) / 1e9);
          return sent;
        } catch (error) {
          const known = error instanceof OmError || error instanceof DatabaseUnavailable;
          metrics.sends.inc({ outcome: known ? "refused" : "failed" });
          throw error;
        }
      },
    },
    queried: (source, ms) => metrics.querySeconds.observe({ source }, ms / 1_000),
    sockets: {
      frame(type, bytes) {
        metrics.framesIn.inc({ type });
        metrics.bytesIn.inc(bytes);
        if (options.logFrameSizes) log.info({ type, bytes }, "frame");
      },
      push: () => metrics.pushes.inc(),
      slow: () => metrics.slowSockets.inc(),
      failure: (error) => failure("socket", error),
    },
  };
}
