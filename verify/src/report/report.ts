import type { CacheRun } from "../cache-run.ts";
import type { CheckResult } from "../checks/check.ts";
import type { Hits } from "../checks/liveness.ts";
import type { Options } from "../options.ts";
import { amount, quantile, table } from "./table.ts";

/** What `--json` writes. */
export interface Result {
  at: string;
  options: Options;
  passed: boolean;
  seconds: number;
  hasCache: boolean;
  checks: readonly CheckResult[];
  deaths: readonly string[];
  unlocated: number;
  dirtyRows: number;
  transactions: number;
  hits: Hits;
  answers: Hits;
  faults: { name: string; times: number; counts: Record<string, number> }[];
  calls: {
    kind: string;
    answered: number;
    p50Ms: number;
    p99Ms: number;
    slowestMs: number;
    troubles: Record<string, number>;
  }[];
}

export function resultOf({ verdict, recorder, faults, deaths, hasCache, seconds }: CacheRun, options: Options): Result {
  const calls = [...recorder.tallies()].map(([kind, { calls, troubles }]) => {
    const sorted = calls.map(({ took }) => took).sort((a, b) => a - b);
    const [p50Ms, p99Ms, slowestMs] = [quantile(sorted, 0.5), quantile(sorted, 0.99), sorted.at(-1) ?? 0];
    return { kind, answered: calls.length, p50Ms, p99Ms, slowestMs, troubles: countOf(troubles) };
  });
  return {
    at: new Date().toISOString(),
    options,
    passed: verdict.checks.every(({ violationCount }) => violationCount === 0) && deaths.length === 0,
    seconds,
    hasCache,
    ...verdict,
    deaths,
    faults: [...faults].map(([name, { times, counts }]) => ({ name, times, counts: Object.fromEntries(counts) })),
    calls,
  };
}

function countOf(troubles: readonly { what: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { what } of troubles) counts[what] = (counts[what] ?? 0) + 1;
  return counts;
}

/** For people. */
export function reportOf(result: Result): string {
  const { options, checks, deaths, passed } = result;
  const failed = checks.filter(({ violationCount }) => violationCount > 0).map(({ name }) => name);
  const last = passed
    ? "PASSED"
    : `FAILED: ${[...failed, ...(deaths.length > 0 ? ["a node ended by itself"] : [])].join(", ")}`;
  return [
    checkTable(checks),
    result.hasCache ? "" : "This server has no cache: every read is from PostgreSQL, and (g) was not measured.\n",
    faultTable(result),
    callTable(result),
    factLine(result),
    "",
    ...findingsOf(checks),
    ...deaths,
    "",
    `${last} (seed ${options.seed})`,
  ].join("\n");
}

/** The checks alone. */
export function verdictOf(checks: readonly CheckResult[]): string {
  return [checkTable(checks), ...findingsOf(checks)].join("\n");
}

function findingsOf(checks: readonly CheckResult[]): string[] {
  return checks.flatMap(({ name, violations, violationCount }) => [
    ...violations.map((words) => `${name}: ${words}`),
    ...(violationCount > violations.length ? [`${name}: … and ${violationCount - violations.length} more`] : []),
  ]);
}

function checkTable(checks: readonly CheckResult[]): string {
  const rows = checks.map(({ name, checked, violationCount, figures }) => {
    const listed = Object.entries(figures).map(([what, value]) => `${what} ${amount(value)}`);
    return [name, amount(checked), amount(violationCount), listed.join(", ")];
  });
  return `${table(["check", "checked", "violations", "figures"], rows)}\n`;
}

function faultTable({ faults, options }: Result): string {
  if (faults.length === 0) return options.faults ? "No fault had its turn.\n" : "";
  const rows = faults.map(({ name, times, counts }) => {
    const listed = Object.entries(counts).map(([what, count]) => `${what} ${amount(count)}`);
    return [name, amount(times), listed.join(", ")];
  });
  return `${table(["fault", "times", "what it did"], rows)}\n`;
}

function callTable({ calls }: Result): string {
  const rows = calls.map(({ kind, answered, p50Ms, p99Ms, slowestMs, troubles }) => {
    const listed = Object.entries(troubles).map(([what, count]) => `${what}: ${count}`);
    return [
      kind,
      amount(answered),
      `${p50Ms.toFixed(1)} ms`,
      `${p99Ms.toFixed(1)} ms`,
      `${slowestMs.toFixed(0)} ms`,
      listed.join(", "),
    ];
  });
  return `${table(["call", "answered", "median", "99 %", "slowest", "troubles"], rows)}\n`;
}

function factLine({ calls, seconds, dirtyRows, transactions, unlocated, hits, answers }: Result): string {
  const of = (isRead: boolean): number =>
    calls.filter(({ kind }) => kind.startsWith("read ") === isRead).reduce((sum, { answered }) => sum + answered, 0);
  const facts = [
    `${amount(Math.round(of(true) / seconds))} reads/s`,
    `${amount(Math.round(of(false) / seconds))} writes/s`,
    `${amount(transactions)} transactions`,
    `${amount(dirtyRows)} writes that could not tell the cache`,
    `${amount(unlocated)} acknowledged writes that changed nothing`,
  ];
  const listed = (counts: Hits, what: string): string => {
    const all = Object.entries(counts ?? {}).map(([result, count]) => `${amount(count)} ${result}`);
    return all.length === 0 ? "" : `\nwhile all was well ${what}: ${all.join(", ")}`;
  };
  const quiet = `${listed(hits, "the cache answered")}${listed(answers, "answers were")}`;
  return `${facts.join(", ")} in ${seconds.toFixed(0)} s${quiet}`;
}
