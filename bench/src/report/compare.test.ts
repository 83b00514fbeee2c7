import { expect, test } from "vitest";
import { median } from "../measure.ts";
import type { Bar, ScenarioResult } from "../scenario.ts";
import { compare } from "./compare.ts";

function result(bar: Partial<Bar>, values: number[]): ScenarioResult[] {
  const whole = { what: "it", figure: "rate", unit: "requests/s", ...bar };
  const bars = [{ ...whole, figures: values, ceilings: [], values, value: median(values), met: true }];
  return [{ name: "one", at: "", seconds: 1, bars, medians: {} }];
}
const share: Partial<Bar> = { of: "bare", atLeast: 0.5 };
const multiple: Partial<Bar> = { of: "bare", as: "multiple", atMost: 2 };

test("runs that overlap have not moved, however far the medians are", () => {
  const [before, after] = [result(share, [0.1, 0.2, 0.9]), result(share, [0.15, 0.85, 0.95])];
  expect(compare(before, after)).toEqual(["1 of 1 figures have not moved beyond their runs' spread"]);
});

test.each([
  ["better: it: 31 % → 34 %", share, [0.3, 0.31, 0.32], [0.33, 0.34, 0.35]],
  ["WORSE: it: 34 % → 31 %", share, [0.33, 0.34, 0.35], [0.3, 0.31, 0.32]],
  ["better: it: 3.1 × → 2.1 ×", multiple, [3, 3.1, 3.2], [2, 2.1, 2.2]],
  ["WORSE: it: 2.1 × → 3.1 ×", multiple, [2, 2.1, 2.2], [3, 3.1, 3.2]],
])("runs beyond all others have moved: %s", (words, bar, before, after) => {
  expect(compare(result(bar, before), result(bar, after))).toEqual([
    words,
    "0 of 1 figures have not moved beyond their runs' spread",
  ]);
});

test("what is not in both is not compared", () => {
  expect(compare([], result(share, [1]))).toEqual(["0 of 0 figures have not moved beyond their runs' spread"]);
});
