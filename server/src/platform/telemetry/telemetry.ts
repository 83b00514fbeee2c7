import type { InboundType } from "@om/protocol";
import { LRUCache } from "lru-cache";
import type { Clock } from "../clock.ts";
import { errorLine } from "../error-line.ts";
import { OmError } from "../om-error.ts";
import { DatabaseUnavailable } from "../postgres/database.ts";
import type { ReplicaEvents } from "../postgres/replicas.ts";
import type { DestinationStream } from "pino";
import { createLogger, type Logger } from "./logger.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { createOutage } from "./outage.ts";
import type { LogSecurity } from "./security.ts";

interface Answered {
  id: string;
  route: string;
  status: number;
  ms: number;
}

/** What only the log tells of a request; `path` as it may be logged. */
type Asked = () => { method: string; path: string; ip: string; user: number | undefined; session: number | undefined };

/** Whose socket, and which. */
export interface SocketFacts {
  socket: string;
  user: number;
  session: number | undefined;
}

/** Asked by machines, all the time. */
const probes: ReadonlySet<string> = new Set(["/health", "/ready", "/metrics"]);

/** One function per event, which counts it and logs it: nobody else touches counters. */
export function createTelemetry(options: {
  logLevel: string;
  logFrameSizes: boolean;
  monotonic: Clock;
  /** Default: standard output. */
  destination?: DestinationStream;
}) {
  const log = createLogger(options.logLevel, options.destination);
  const metrics = createMetrics();
  const loggedAt = new Map<string, number>();

  function isDue(where: string, everyMs: number): boolean {
    const at = options.monotonic();
    if (at - (loggedAt.get(where) ?? Number.NEGATIVE_INFINITY) < everyMs) return false;
    loggedAt.set(where, at);
    return true;
  }

  /**
   * An error of a background task or of the infrastructure: counted always, logged once per second and place at most. Of an outage of
   * the database only `database` tells.
   */
  function failure(where: string, error: unknown, facts: object = {}): void {
    metrics.failures.inc({ where });
    if (error instanceof DatabaseUnavailable) return;
    if (isDue(where, 1_000)) log.error({ where, ...facts, err: error }, "failure");
  }

  const security: LogSecurity = (event, facts) => {
    metrics.security.inc({ event, result: facts.refused === undefined ? "done" : "refused" });
    log[facts.refused === undefined ? "info" : "warn"]({ kind: "security", event, ...facts }, `security: ${event}`);
  };

  return {
    log,
    metrics,
    failure,
    security,
    refusedOrigin: tellRefusedOrigins(security),
    database: databaseTelemetry({ log, metrics, now: options.monotonic, isDue }),
    http: httpTelemetry({ log, metrics, failure }),
    sends: { observe: observeSends(metrics) },
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
      failure: (error: unknown, facts?: SocketFacts): void => failure("socket", error, facts),
      /** @param more of the request that asked for it */
      opened: (facts: SocketFacts, more: { request: string; ip: string }): void =>
        log.info({ ...facts, ...more }, "socket opened"),
      closed: (facts: SocketFacts, code: number): void => log.info({ ...facts, code }, "socket closed"),
    },
  };
}
export type Telemetry = ReturnType<typeof createTelemetry>;

/** A page of another origin was not let in: told once a minute for each of the last hundred. */
function tellRefusedOrigins(security: LogSecurity): (origin: string) => void {
  const told = new LRUCache<string, true>({ max: 100, ttl: 60_000 });
  return (given) => {
    const origin = given.slice(0, 200);
    if (told.has(origin)) return;
    told.set(origin, true);
    security("origin", { origin, refused: "forbidden_origin" });
  };
}

/** Counts what becomes of messages that are sent, and measures how long it takes. */
function observeSends(metrics: Metrics) {
  return async <T extends { row: { outcome: string } }>(send: () => Promise<T>): Promise<T> => {
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
  };
}

function databaseTelemetry(deps: {
  log: Logger;
  metrics: Metrics;
  now: () => number;
  isDue: (where: string, everyMs: number) => boolean;
}) {
  const { log, metrics } = deps;
  const outage = createOutage(log, deps.now, "error");
  const replicas = new Map<string, ReturnType<typeof createOutage>>();
  const replica = (name: string): ReturnType<typeof createOutage> => {
    const known = replicas.get(name) ?? createOutage(log, deps.now);
    replicas.set(name, known);
    return known;
  };
  return {
    /** It cannot be reached, or broke off: one line for the whole outage. */
    lost(error: unknown): void {
      metrics.failures.inc({ where: "database" });
      outage.begin("away", `the database is away: ${errorLine(error)}`);
    },
    /** It ended a statement that may be tried again, such as one of two in each other's way. */
    conflict(error: unknown): void {
      metrics.failures.inc({ where: "database" });
      if (deps.isDue("database", 60_000)) log.warn(`the database ended a statement: ${errorLine(error)}`);
    },
    back(): void {
      if (outage.end()) log.info("the database answers again");
    },
    moved: (name: string): void => log.warn(`the database is at ${name} now`),
    replicas: {
      leftOut: (name, why) => replica(name).begin(why, `the replica ${name} is left out: ${why}`),
      used(name) {
        replica(name).end();
        log.info(`the replica ${name} is used`);
      },
      read: (from) => metrics.replicaReads.inc({ from }),
    } satisfies ReplicaEvents,
  };
}

function httpTelemetry(deps: { log: Logger; metrics: Metrics; failure: (where: string, error: unknown) => void }) {
  const { log, metrics, failure } = deps;
  let hasWarned = false;
  return {
    /** Somebody who is no proxy of ours says for whom it asks: told once. */
    notTrusted(peer: string): void {
      if (hasWarned) return;
      hasWarned = true;
      log.warn(
        `${peer} sends X-Forwarded-For and is not in TRUST_PROXY: if it is your proxy, all behind it count as one`,
      );
    },
    answered({ id, route, status, ms }: Answered, asked: Asked): void {
      metrics.requests.inc({ route, status });
      metrics.requestSeconds.observe({ route }, ms / 1000);
      const level = probes.has(route) ? "debug" : "info";
      if (!log.isLevelEnabled(level)) return;
      log[level]({ request: id, route, ...asked(), status, ms: Math.round(ms * 10) / 10 }, "request");
    },
    /** It ended with an error that was not the caller's. */
    failed({ id, route }: Pick<Answered, "id" | "route">, error: unknown): void {
      const where = `http ${route}`;
      // An outage fails every request alike; a defect is told for each.
      if (error instanceof DatabaseUnavailable) return failure(where, error);
      metrics.failures.inc({ where });
      log.error({ where, request: id, err: error }, "request failed");
    },
  };
}
