import type { ScenarioResult } from "../scenario.ts";
import { valueText } from "./format.ts";

/**
 * What moved beyond the noise between two results: every run of the one lies beyond every run of the other. With five runs each that
 * happens by chance once in 126 times. @returns a line for each, and one that says what cannot be told
 */
export function compare(before: readonly ScenarioResult[], after: readonly ScenarioResult[]): string[] {
  const old = new Map(before.flatMap(({ name, bars }) => bars.map((bar) => [`${name} ${bar.what}`, bar])));
  const both = after.flatMap(({ name, bars }) =>
    bars.flatMap((bar) => {
      const was = old.get(`${name} ${bar.what}`);
      return was === undefined ? [] : [{ bar, was }];
    }),
  );
  const lines = both.flatMap(({ bar, was }) => {
    const rose = Math.min(...bar.values) > Math.max(...was.values);
    const fell = Math.max(...bar.values) < Math.min(...was.values);
    if (!rose && !fell) return [];
    const isBetter = rose === (bar.atLeast !== undefined || (bar.atMost === undefined && bar.as !== "multiple"));
    return `${isBetter ? "better" : "WORSE"}: ${bar.what}: ${valueText(bar, was.value)} → ${valueText(bar, bar.value)}`;
  });
  return [...lines, `${both.length - lines.length} of ${both.length} figures have not moved beyond their runs' spread`];
}
