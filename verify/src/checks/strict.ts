import { createFindings, type CheckResult } from "./check.ts";
import type { LocatedRead } from "./locate-read.ts";
import { staleWords, type StaleRead } from "./stale.ts";

/**
 * (a) A read that begins after a write was acknowledged shows that write, unless the write itself says in PostgreSQL that it could
 * not tell the cache.
 * @param missing for the report: what a read lacks
 */
export function checkStrict(
  reads: readonly LocatedRead[],
  stale: readonly StaleRead[],
  missing: (read: StaleRead) => string = () => "",
): CheckResult {
  const findings = createFindings();
  for (const one of stale) if (one.reason === undefined) findings.add(() => `${staleWords(one)}${missing(one)}`);
  return {
    name: "(a) strict",
    checked: reads.length,
    violations: findings.violations,
    violationCount: findings.count(),
    figures: { stale: stale.length, explained: stale.length - findings.count() },
  };
}
