import type { Comparison } from "./compare.ts";
import { group } from "./progress.ts";
import type { Count, Kind, Run } from "./run.ts";

/** The result of a run, as `--json` writes it. */
export function makeReport(run: Run, comparison: Comparison | undefined, startedAt: number) {
  const issues = run.issues.list();
  const repeat = run.target?.isRepeat ?? false;
  return {
    at: new Date(performance.timeOrigin + startedAt).toISOString(),
    seconds: Math.round((performance.now() - startedAt) / 100) / 10,
    dryRun: run.target === undefined,
    /** An earlier run had finished; this one added what is new. */
    repeat,
    counts: Object.fromEntries(run.counts) as Partial<Record<Kind, Count>>,
    issues,
    comparison: comparison ?? null,
    /** Everything of the source that can be imported is here. */
    complete:
      comparison?.different === 0 &&
      !issues.some(({ text }) => text.startsWith("NOT ADDED")) &&
      [...run.counts].every(([kind, count]) => count.here === count.expected || (repeat && mayDiffer.has(kind))),
  };
}
export type Report = ReturnType<typeof makeReport>;

/** Kinds that people here may have changed since an earlier run. */
const mayDiffer = new Set<Kind>(["members", "sessions"]);

/** The report for people, in lines. */
export function reportLines(report: Report): string[] {
  const counts = Object.entries(report.counts).map(([kind, { expected, here }]) => {
    const found = here === null ? "" : `, ${group(here)} here`;
    return `  ${kind.padEnd(10)} ${group(expected)} to import${found}`;
  });
  const issues = report.issues.map(({ text, count, examples }) => {
    const more = count > examples.length ? ", …" : "";
    return `  ${group(count)} ${text}${examples.length === 0 ? "" : ` (${examples.join(", ")}${more})`}`;
  });
  return [
    ...counts,
    ...(issues.length === 0 ? [] : ["Worth knowing:", ...issues]),
    ...comparisonLines(report),
    closing(report),
  ];
}

function comparisonLines({ comparison }: Report): string[] {
  if (comparison === null) return [];
  const { same, used, different, differences } = comparison;
  const skipped = used === 0 ? "" : `, ${group(used)} used here since and not compared`;
  const more = different > differences.length ? [`  … and ${group(different - differences.length)} more`] : [];
  return [
    `Compared: ${group(same)} conversations are the same on both sides${skipped}, ${group(different)} differ`,
    ...differences.map((line) => `  ${line}`),
    ...more,
  ];
}

function closing(report: Report): string {
  if (report.dryRun) return `Dry run: nothing was written (${report.seconds} s).`;
  const how = report.complete
    ? "Import complete: everything is here."
    : "Import finished, but not everything is here: see above.";
  return `${how} (${report.seconds} s)`;
}
