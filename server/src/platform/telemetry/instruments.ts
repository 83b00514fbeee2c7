import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** Makes the instruments of a registry. A gauge that is given `read` asks it at every scrape. */
export function instruments(registry: Registry) {
  const registers = [registry];
  return {
    counter: <L extends string>(name: string, help: string, ...labelNames: L[]): Counter<L> =>
      new Counter({ name, help, labelNames, registers }),
    histogram: <L extends string>(name: string, help: string, buckets: number[], ...labelNames: L[]): Histogram<L> =>
      new Histogram({ name, help, labelNames, buckets, registers }),
    gauge(name: string, help: string, read?: () => number | Promise<number>): Gauge {
      const gauge: Gauge = new Gauge({
        name,
        help,
        registers,
        ...(read && { collect: async () => gauge.set(await read()) }),
      });
      return gauge;
    },
  };
}
