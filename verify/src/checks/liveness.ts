import type { Ms } from "../history/events.ts";
import { createFindings, type CheckResult } from "./check.ts";

/** A cached entry as it stood in Redis at a moment of a quiet phase. */
export interface Sample {
  readonly key: string;
  readonly at: Ms;
  /** `other`: absent, being filled for the first time, or not ours. */
  readonly state: "clean" | "dirty" | "other";
  readonly ver: number;
  /** The highest version that a writer has announced. */
  readonly pend: number;
  /** Reads that could have been answered from it since the run began. */
  readonly reads: number;
}

/** Cached reads, or answers that may be kept, by their result; undefined: the server does not count any. */
export type Hits = Readonly<Record<string, number>> | undefined;

/** What was seen of the cache in one quiet phase. */
export interface QuietPhase {
  readonly samples: readonly Sample[];
  readonly hits: Hits;
  /** Answers that may be kept. */
  readonly answers?: Hits;
}

/**
 * How long an entry may stay dirty while it is read and nobody changes it, in ms, and how many reads show that it is read. What is
 * changed faster than it can be read costs hits, which the gate judges.
 */
const patience = 1_000;
const enoughReads = 3;
/** A machine that is too busy answers late, and then Redis is not asked: such a phase tells nothing about the cache. */
const mostUnasked = 0.02;
/** Even then some reads do ask; when hardly any does, in so many reads, the cache itself must be the reason. */
const leastAsked = 0.1;
const enoughHits = 1_000;

/**
 * (g) While all is well no entry stays dirty although it is read and not changed any more, and most reads are answered from the cache.
 * @param gate the least share of hits; 0: how often the cache is used is not judged
 */
export function checkLiveness(phases: readonly QuietPhase[], gate: number): CheckResult {
  const findings = createFindings();
  const well = phases.filter(({ hits }) => hits !== undefined && unasked(hits) <= mostUnasked);
  const hits = { ...sumOf(well), proven: sumOf(well, ({ answers }) => answers)["proven"] ?? 0 };
  const longest = Math.max(0, ...well.map(({ samples }) => longestDirty(samples, findings)));
  const counts = phases.some(({ hits }) => hits !== undefined);
  if (!counts) findings.add(() => "the server does not count its cached reads (om_cache_reads_total)");
  else if (gate > 0 && isHardlyUsed(sumOf(phases)))
    findings.add(() => `hardly any read asked the cache in ${phases.length} quiet phases`);
  else if (well.length > 0 && hitRate(hits) < gate)
    findings.add(() => `hit rate ${percent(hitRate(hits))} while all was well, ${percent(gate)} expected`);
  return {
    name: "(g) liveness",
    checked: well.reduce((sum, { samples }) => sum + samples.length, 0),
    violations: findings.violations,
    violationCount: findings.count(),
    figures: {
      "quiet phases": phases.length,
      "all was well in": well.length,
      "longest dirty ms": longest,
      ...(well.length === 0 ? {} : { "hit rate": hitRate(hits) }),
    },
  };
}

function longestDirty(samples: readonly Sample[], findings: ReturnType<typeof createFindings>): number {
  const since = new Map<string, Sample>();
  let longest = 0;
  for (const sample of samples) {
    const before = since.get(sample.key);
    if (sample.state !== "dirty") since.delete(sample.key);
    else if (before === undefined || before.ver !== sample.ver || before.pend !== sample.pend)
      since.set(sample.key, sample);
    else if (sample.reads - before.reads >= enoughReads) {
      const age = sample.at - before.at;
      longest = Math.max(longest, age);
      if (age <= patience) continue;
      since.delete(sample.key);
      findings.add(
        () =>
          `${sample.key} stayed dirty at version ${sample.ver} of ${sample.pend} for ${Math.round(age)} ms while it was read`,
      );
    }
  }
  return longest;
}

function isHardlyUsed(hits: Readonly<Record<string, number>>): boolean {
  const all = Object.values(hits).reduce((sum, count) => sum + count, 0);
  return all >= enoughHits && 1 - unasked(hits) < leastAsked;
}

/** Share of reads that did not get an answer of Redis. */
function unasked(hits: Readonly<Record<string, number>>): number {
  const all = Object.values(hits).reduce((sum, count) => sum + count, 0);
  return all === 0 ? 1 : ((hits["off"] ?? 0) + (hits["unavailable"] ?? 0)) / all;
}

export function sumOf(
  phases: readonly QuietPhase[],
  of: (phase: QuietPhase) => Hits = ({ hits }) => hits,
): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const phase of phases)
    for (const [result, count] of Object.entries(of(phase) ?? {})) sum[result] = (sum[result] ?? 0) + count;
  return sum;
}

/** Of the reads that asked the cache, where an answer that was kept and proven counts as one; NaN-free: without any it is 0. */
export function hitRate(hits: Readonly<Record<string, number>>): number {
  const all = Object.entries(hits).reduce((sum, [result, count]) => (result === "off" ? sum : sum + count), 0);
  return all === 0 ? 0 : ((hits["hit"] ?? 0) + (hits["hit_l1"] ?? 0) + (hits["proven"] ?? 0)) / all;
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}
