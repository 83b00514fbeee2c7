/** What one check found. */
export interface CheckResult {
  /** Such as `(a) strict`. */
  readonly name: string;
  /** How many reads, messages or samples were looked at. */
  readonly checked: number;
  /** What went wrong, in words; the first ones only. */
  readonly violations: readonly string[];
  readonly violationCount: number;
  /** Figures for the report, such as `{ stale: 3, "max age ms": 41 }`. */
  readonly figures: Readonly<Record<string, number>>;
}

const maxWords = 20;

/** Collects violations; `words` is asked for those only that are reported. */
export function createFindings(): { add(words: () => string): void; violations: string[]; count(): number } {
  const violations: string[] = [];
  let count = 0;
  return {
    add(words) {
      count += 1;
      if (violations.length < maxWords) violations.push(words());
    },
    violations,
    count: () => count,
  };
}
