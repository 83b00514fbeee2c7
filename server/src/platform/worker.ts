import cluster from "node:cluster";
import type { MetricObjectWithValues, MetricValue, Registry } from "prom-client";
import { OmError } from "./om-error.ts";

/** Of one registry, by `getMetricsAsJSON`. */
export type Sample = MetricObjectWithValues<MetricValue<string>>[];

/** What a worker, one of several processes that serve a port, says to its supervisor. */
export type FromWorker =
  | { kind: "starting" | "ready"; url: string }
  /** Why it is about to end. */
  | { kind: "failed"; why: string }
  /** Asks for the metrics of all. */
  | { kind: "scrape"; id: number }
  | { kind: "sample"; id: number; metrics: Sample };

/** What a supervisor says to its workers: asks for their metrics, and tells those of all. */
export type FromSupervisor = { kind: "sample"; id: number } | { kind: "scraped"; id: number; text: string };

/** How long the supervisor may take to put the metrics together, in ms. */
const scrapeTimeoutMs = 3_000;

/** Does nothing in a process that is no worker, or whose supervisor is gone: then it ends by itself. */
export function tellSupervisor(message: FromWorker): void {
  if (cluster.isWorker && process.connected) process.send?.(message);
}

/**
 * Answers the supervisor's questions about this worker's metrics from now on.
 * @returns asks for those of all workers together @throws OmError `unavailable` when the supervisor does not answer
 */
export function shareMetrics(registry: Registry): () => Promise<string> {
  const waiting = new Map<number, (text: string) => void>();
  let asked = 0;
  process.on("message", (message: FromSupervisor) => {
    if (message.kind === "scraped") waiting.get(message.id)?.(message.text);
    else
      void registry.getMetricsAsJSON().then((metrics) => tellSupervisor({ kind: "sample", id: message.id, metrics }));
  });
  return () => {
    const id = (asked += 1);
    return new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => reject(new OmError("unavailable")), scrapeTimeoutMs);
      waiting.set(id, (text) => {
        clearTimeout(timer);
        resolve(text);
      });
      tellSupervisor({ kind: "scrape", id });
    }).finally(() => waiting.delete(id));
  };
}
