import { createFindings, type CheckResult } from "./check.ts";
import { difference } from "./difference.ts";
import { readWords, type LocatedRead } from "./locate-read.ts";

/**
 * (c) What an answer shows is what PostgreSQL held at the version that it names: every change up to it, and none after it.
 * @param texts for the report: what an answer's text was, and what it would have been as PostgreSQL has it
 */
export function checkContent(
  reads: readonly LocatedRead[],
  texts: { shown(text: number): string; held(placed: LocatedRead): string },
): CheckResult {
  const findings = createFindings();
  let checked = 0;
  for (const placed of reads) {
    const { read, fits } = placed;
    if (read.text === undefined) continue;
    checked += 1;
    if (fits !== "other content") continue;
    const { text } = read;
    findings.add(() => {
      const at = read.ver === undefined ? "any version" : `version ${read.ver}`;
      const held = { name: "PostgreSQL", text: texts.held(placed) };
      const lines = difference(held, { name: "the answer", text: texts.shown(text) });
      return `${readWords(placed)} as PostgreSQL never held it at ${at}:\n${lines}`;
    });
  }
  return {
    name: "(c) content",
    checked,
    violations: findings.violations,
    violationCount: findings.count(),
    figures: {},
  };
}
