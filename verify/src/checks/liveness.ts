import type { Ms } from "../history/events.ts";
import { createFindings, type CheckResult } from "./check.ts";

/** A cached entry as it stood in Redis at a moment of a quiet phase. */
export interface Sample {
  readonly key: string;
  readonly at: Ms;
  /** `other`: absent, being filled for the first time, or not ours. */
  readonly state: "clean" | "dirty" | "other";
  readonly ver: number;
  /** Reads that could have been answered from it since the run began. */
  readonly reads: number;
}

/** Cached reads of the quiet phases by their result, over all nodes; undefined: the server does not count any. */
export type Hits = Readonly<Record<string, number>> | undefined;

/** How long an entry may stay dirty at one version while it is read, in ms, and how many reads show that it is read. */
const patience = 1_000;
const enoughReads = 3;

/** (g) While all is well no entry stays dirty although it is read, and most reads are answered from the cache. */
export function checkLiveness(samples: readonly Sample[], hits: Hits, gate: number): CheckResult {
  const findings = createFindings();
  const since = new Map<string, Sample>();
  let longest = 0;
  for (const sample of samples) {
    const before = since.get(sample.key);
    if (sample.state !== "dirty") since.delete(sample.key);
    else if (before === undefined || before.ver !== sample.ver) since.set(sample.key, sample);
    else if (sample.reads - before.reads >= enoughReads) {
      const age = sample.at - before.at;
      longest = Math.max(longest, age);
      if (age > patience) {
        since.delete(sample.key);
        findings.add(
          () => `${sample.key} stayed dirty at version ${sample.ver} for ${Math.round(age)} ms while it was read`,
        );
      }
    }
  }
  const rate = hits === undefined ? undefined : hitRate(hits);
  if (rate === undefined) findings.add(() => "the server does not count its cached reads (om_cache_reads_total)");
  else if (rate < gate) findings.add(() => `hit rate ${percent(rate)} while all was well, ${percent(gate)} expected`);
  return {
    name: "(g) liveness",
    checked: samples.length,
    violations: findings.violations,
    violationCount: findings.count(),
    figures: { "longest dirty ms": longest, ...(rate === undefined ? {} : { "hit rate": rate }) },
  };
}

/** Of the reads that asked the cache; NaN-free: without any it is 0. */
export function hitRate(hits: Readonly<Record<string, number>>): number {
  const all = Object.entries(hits).reduce((sum, [result, count]) => (result === "off" ? sum : sum + count), 0);
  return all === 0 ? 0 : ((hits["hit"] ?? 0) + (hits["hit_l1"] ?? 0)) / all;
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}
