import { Counter, Gauge, Histogram, type Aggregator, type Registry } from "prom-client";

/** Makes the instruments of a registry. A gauge that is given `read` asks it at every scrape; `aggregator` says what several workers have together. */
export function instruments(registry: Registry) {
  const registers = [registry];
  return {
    counter: <L extends string>(name: string, help: string, ...labelNames: L[]): Counter<L> =>
      new Counter({ name, help, labelNames, registers }),
    /** A counter of what happens all the time: a call is one addition, and a scrape takes what has come together. */
    tally(name: string, help: string): () => void {
      let count = 0;
      const counter: Counter = new Counter({
        name,
        help,
        registers,
        collect() {
          counter.inc(count);
          count = 0;
        },
      });
      return () => void (count += 1);
    },
    histogram: <L extends string>(name: string, help: string, buckets: number[], ...labelNames: L[]): Histogram<L> =>
      new Histogram({ name, help, labelNames, buckets, registers }),
    gauge(name: string, help: string, read?: () => number | Promise<number>, aggregator: Aggregator = "sum"): Gauge {
      const gauge: Gauge = new Gauge({
        name,
        help,
        registers,
        aggregator,
        ...(read && { collect: async () => gauge.set(await read()) }),
      });
      return gauge;
    },
  };
}
