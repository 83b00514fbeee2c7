import type { InboundType } from "@om/protocol";
import { DatabaseUnavailable } from "../postgres/database.ts";
import type { Clock } from "../clock.ts";
import { OmError } from "../om-error.ts";
import { createLogger } from "./logger.ts";
import { createMetrics } from "./metrics.ts";

interface Answered {
  id: string;
  route: string;
  status: number;
  ms: number;
}

/** What only the log tells of a request; `url` without secrets. */
type Asked = () => { method: string; url: string; ip: string };

/** One function per event, which counts it and logs it: nobody else touches counters. */
export function createTelemetry(options: { logLevel: string; logFrameSizes: boolean; monotonic: Clock }) {
  const log = createLogger(options.logLevel);
  const metrics = createMetrics();
  const loggedAt = new Map<string, number>();

  /** An error of a background task or of the infrastructure: counted always, logged once per second and place at most. */
  function failure(where: string, error: unknown): void {
    metrics.failures.inc({ where });
    const at = options.monotonic();
    if (at - (loggedAt.get(where) ?? Number.NEGATIVE_INFINITY) < 1_000) return;
    loggedAt.set(where, at);
    log.error({ where, err: error }, "failure");
  }

  return {
    log,
    metrics,
    failure,
    http: {
      answered({ id, route, status, ms }: Answered, asked: Asked): void {
        metrics.requests.inc({ route, status });
        metrics.requestSeconds.observe({ route }, ms / 1000);
        if (log.isLevelEnabled("info")) log.info({ id, ...asked(), status, ms: Math.round(ms * 10) / 10 }, "request");
      },
      /** It ended with an error that was not the caller's. */
      failed({ id, route }: Pick<Answered, "id" | "route">, error: unknown): void {
        const where = `http ${route}`;
        // An outage fails every request alike; a defect is told for each.
        if (error instanceof DatabaseUnavailable) return failure(where, error);
        metrics.failures.inc({ where });
        log.error({ where, id, err: error }, "request failed");
      },
    },
    sends: {
      async observe<T extends { row: { outcome: string } }>(send: () => Promise<T>): Promise<T> {
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
    /** A history or list was read, within `ms`; `source` is where the history or list itself came from. */
    queried: (source: "cache" | "database", ms: number): void => metrics.querySeconds.observe({ source }, ms / 1_000),
    sockets: {
      frame(type: InboundType | "refused", bytes: number): void {
        metrics.framesIn.inc({ type });
        metrics.bytesIn.inc(bytes);
        if (options.logFrameSizes) log.info({ type, bytes }, "frame");
      },
      push: metrics.pushed,
      slow: (): void => metrics.slowSockets.inc(),
      failure: (error: unknown): void => failure("socket", error),
    },
  };
}
export type Telemetry = ReturnType<typeof createTelemetry>;
