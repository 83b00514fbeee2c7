import { createFindings, type CheckResult } from "./check.ts";
import { clockError, readWords, type LocatedRead } from "./locate-read.ts";

/** (b) No read shows a version that was never committed, or one whose transaction began after the answer was there. */
export function checkAhead(reads: readonly LocatedRead[]): CheckResult {
  const findings = createFindings();
  for (const { read, object, first, fits } of reads) {
    const where = `${readWords({ read, object })} at version ${read.ver ?? "?"}`;
    if (fits === "no such version") findings.add(() => `${where}, which was never committed`);
    const beganAt = object.states[first]?.beganAt ?? 0;
    if (fits === "yes" && beganAt > read.t1 + clockError)
      findings.add(() => `${where}, ${(beganAt - read.t1).toFixed(1)} ms before it was written`);
  }
  return {
    name: "(b) not ahead",
    checked: reads.length,
    violations: findings.violations,
    violationCount: findings.count(),
    figures: {},
  };
}
