import { expect, test } from "vitest";
import { objectWith, readAt } from "../testing/histories.ts";
import { checkAhead } from "./ahead.ts";
import { checkContent } from "./content.ts";
import { locateRead, type LocatedRead } from "./locate-read.ts";

// Version 2 has two states: the second concerns one member alone. Text 7 shows in states 1 and 3, text 8 in 2.
const shown = { "history/1/20": { 7: [[1, 1] as const, [3, 3] as const], 8: [[2, 2] as const] } };
const object = objectWith(
  [
    { ver: 1, provenAt: 10 },
    { ver: 2, provenAt: 20 },
    { ver: 2, provenAt: 30 },
  ],
  shown,
);
const of = { object: object.name, view: "history/1/20", keys: [] };

const located = (t0: number, ver: number | undefined, text?: number): LocatedRead =>
  locateRead(object, readAt(t0, ver, { of, text }));
const where = ({ first, last, fits }: LocatedRead): unknown[] => [first, last, fits];

test("a version alone stands for all its states", () => {
  expect(where(located(40, 2))).toEqual([2, 3, "yes"]);
});

test("content tells which of them, or all that show it where no version is told", () => {
  expect(where(located(40, 2, 7))).toEqual([3, 3, "yes"]);
  expect(where(located(40, undefined, 7))).toEqual([1, 3, "yes"]);
  expect(where(located(12, undefined, 7))).toEqual([1, 1, "yes"]);
});

test("(b) a version that never was, or whose transaction had not begun, is a violation", () => {
  expect(checkAhead([located(40, 2), located(25, 2)]).violationCount).toBe(0);
  expect(where(located(40, 3))).toEqual([3, 3, "no such version"]);
  const result = checkAhead([located(40, 3), located(1, 2)]);
  expect(result.violations).toEqual([
    "0.040 s: node 0 showed conv:1:2 (history/1/20) at version 3, which was never committed",
    "0.001 s: node 0 showed conv:1:2 (history/1/20) at version 2, 17.0 ms before it was written",
  ]);
});

test("(c) content that PostgreSQL did not hold at that version, or at any, is a violation", () => {
  const texts = { shown: (text: number) => `both\ntext ${text}`, held: () => "both\ntext 1" };
  const good = checkContent([located(40, 2, 8), located(40, 1, 7), located(40, undefined, 8), located(40, 2)], texts);
  expect(good).toMatchObject({ checked: 3, violationCount: 0 });
  expect(where(located(40, 1, 8))).toEqual([1, 1, "other content"]);
  expect(where(located(40, undefined, 9))).toEqual([-1, -1, "other content"]);
  const result = checkContent([located(40, 1, 8), located(40, undefined, 9)], texts);
  expect(result.violationCount).toBe(2);
  expect(result.violations[0]).toBe(
    "0.040 s: node 0 showed conv:1:2 (history/1/20) as PostgreSQL never held it at version 1:\n" +
      "    PostgreSQL: text 1\n    the answer: text 8",
  );
});

test("where the version is that of something larger, the state at or before it counts", () => {
  const count = objectWith([{ ver: 2 }, { ver: 5 }]);
  const lags = { object: count.name, view: "", keys: [], lags: true } as const;
  const at = (ver: number): unknown[] => where(locateRead(count, readAt(40, ver, { of: lags })));
  expect([at(1), at(4), at(9)]).toEqual([
    [0, 0, "yes"],
    [1, 1, "yes"],
    [2, 2, "yes"],
  ]);
});
