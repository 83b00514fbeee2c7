import type { Worker } from "node:cluster";
import { AggregatorRegistry, Registry } from "prom-client";
import type { FromSupervisor, Sample } from "../worker.ts";
import { instruments } from "./instruments.ts";

/** How long a worker may take to tell its metrics, in ms; those of one that hangs are left out. */
const sampleTimeoutMs = 1_000;

/** What only the supervisor of several workers has. */
export function createWorkerMetrics(registry: Registry) {
  const { gauge, counter } = instruments(registry);
  return {
    answering: gauge("om_workers", "Worker processes that have told their metrics"),
    restarts: counter("om_worker_restarts_total", "Workers that had ended and were started again"),
  };
}

/** Puts the metrics of all workers together, as if they were one process: sums, but for gauges that say otherwise. */
export function createAllMetrics(workers: () => readonly Worker[]) {
  const registry = new Registry();
  const { answering, restarts } = createWorkerMetrics(registry);
  const waiting = new Map<number, (metrics: Sample) => void>();
  let asked = 0;

  async function sampleOf(worker: Worker): Promise<Sample | undefined> {
    const id = (asked += 1);
    const question: FromSupervisor = { kind: "sample", id };
    return new Promise<Sample | undefined>((resolve) => {
      const timer = setTimeout(() => resolve(undefined), sampleTimeoutMs);
      waiting.set(id, (metrics) => {
        clearTimeout(timer);
        resolve(metrics);
      });
      worker.send(question);
    }).finally(() => waiting.delete(id));
  }

  return {
    restarted: (): void => restarts.inc(),
    /** A worker has answered. */
    sampled: (id: number, metrics: Sample): void => waiting.get(id)?.(metrics),
    /** Prometheus text. */
    async text(): Promise<string> {
      const all = await Promise.all(workers().map(sampleOf));
      const samples = all.filter((metrics) => metrics !== undefined);
      answering.set(samples.length);
      return `${await AggregatorRegistry.aggregate(samples).metrics()}${await registry.metrics()}`;
    },
  };
}
