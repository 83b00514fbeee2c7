import { createFindings, type CheckResult } from "./check.ts";
import { staleWords, type StaleRead } from "./stale.ts";

/** (e) What an explained stale read lacks was committed `bound` ms before at most. */
export function checkDegraded(stale: readonly StaleRead[], bound: number): CheckResult {
  const findings = createFindings();
  const explained = stale.filter(({ reason }) => reason !== undefined);
  for (const one of explained) if (one.age > bound) findings.add(() => staleWords(one));
  return {
    name: "(e) degraded",
    checked: explained.length,
    violations: findings.violations,
    violationCount: findings.count(),
    figures: {
      "after degraded writes": explained.filter(({ reason }) => reason === "degraded write").length,
      "while two servers": explained.filter(({ reason }) => reason === "two servers").length,
      "max age ms": explained.reduce((oldest, { age }) => Math.max(oldest, age), 0),
    },
  };
}
