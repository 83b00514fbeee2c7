/** One measured figure of a scenario or a ceiling. */
export interface Figure {
  name: string;
  /** Of several runs, in order. */
  runs: number[];
  median: number;
  unit: string;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** @param share 0.5 for the median, 0.99 for all but the slowest hundredth */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Runs `run` several times, and turns what it returns into figures with medians. */
export async function repeat(
  times: number,
  units: Record<string, string>,
  run: () => Promise<Record<string, number>>,
): Promise<Record<string, Figure>> {
  const all: Record<string, number>[] = [];
  for (let i = 0; i < times; i++) all.push(await run());
  return Object.fromEntries(
    Object.entries(units).map(([name, unit]) => {
      const runs = all.map((one) => one[name] ?? Number.NaN);
      return [name, { name, runs, median: median(runs), unit }];
    }),
  );
}

/** Milliseconds with microsecond resolution since some fixed point. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
