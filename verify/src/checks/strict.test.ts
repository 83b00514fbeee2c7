import { expect, test } from "vitest";
import { objectWith, placed, readAt } from "../testing/histories.ts";
import { checkDegraded } from "./degraded.ts";
import { findStale } from "./stale.ts";
import { checkStrict } from "./strict.ts";

const dirty = new Set(["conv:1:2"]);
const bound = 1_000;

test("reads that show every acknowledged write, or one that is not acknowledged yet, are fine", () => {
  const object = objectWith([{ ver: 1, provenAt: 10 }, { ver: 2, provenAt: 20 }, { ver: 3 }]);
  const reads = placed(object, readAt(5, 0), readAt(5, 1), readAt(15, 1), readAt(20, 1), readAt(21, 2), readAt(21, 3));
  const stale = findStale(reads, [], bound);
  expect([checkStrict(reads, stale).violationCount, checkDegraded(stale, bound).violationCount]).toEqual([0, 0]);
});

test("a read that begins after an acknowledgement and lacks that write is a violation", () => {
  const object = objectWith([
    { ver: 1, provenAt: 10 },
    { ver: 2, provenAt: 20 },
  ]);
  const reads = placed(object, readAt(20.1, 1));
  const result = checkStrict(reads, findStale(reads, [], bound));
  expect(result.violationCount).toBe(1);
  expect(result.violations[0]).toContain("showed conv:1:2 (version) at version 1, but 2 was committed, since 0.1 ms");
});

test("it is none when the write could not mark that key, and then its age counts", () => {
  const object = objectWith([
    { ver: 1, provenAt: 10 },
    { ver: 2, provenAt: 20, dirty },
  ]);
  const reads = placed(object, readAt(1_020, 1), readAt(1_021, 1));
  const stale = findStale(reads, [], bound);
  expect(checkStrict(reads, stale)).toMatchObject({ violationCount: 0, figures: { stale: 2, explained: 2 } });
  expect(checkDegraded(stale, bound)).toMatchObject({
    checked: 2,
    violationCount: 1,
    figures: { "max age ms": 1_001 },
  });
});

test("the mark of another key explains nothing, nor does one missing mark among several that came", () => {
  const other = objectWith([
    { ver: 1, provenAt: 10 },
    { ver: 2, provenAt: 20, dirty: new Set(["group:1"]) },
  ]);
  const later = objectWith([
    { ver: 1, provenAt: 10 },
    { ver: 2, provenAt: 20, dirty },
    { ver: 3, provenAt: 30 },
  ]);
  for (const object of [other, later]) {
    const reads = placed(object, readAt(40, 1));
    expect(checkStrict(reads, findStale(reads, [], bound)).violationCount).toBe(1);
  }
});

test("what did not raise the version needs no mark once the first thing missed had none", () => {
  const object = objectWith([
    { ver: 1, provenAt: 10 },
    { ver: 2, provenAt: 20, dirty },
    { ver: 2, provenAt: 30 },
  ]);
  const reads = placed(object, readAt(40, 1));
  expect(checkStrict(reads, findStale(reads, [], bound)).violationCount).toBe(0);
});

test("two servers explain a stale read while they are two and for the bound after", () => {
  const object = objectWith([
    { ver: 1, provenAt: 10 },
    { ver: 2, provenAt: 400 },
  ]);
  const phases = [{ name: "two servers", from: 300, to: 500, split: true }];
  const reads = placed(object, readAt(450, 1), readAt(1_400, 1), readAt(1_501, 1));
  const stale = findStale(reads, phases, bound);
  expect(stale.map(({ reason }) => reason)).toEqual(["two servers", "two servers", undefined]);
  expect(checkStrict(reads, stale).violationCount).toBe(1);
});

test("a quiet phase or any other fault explains nothing", () => {
  const object = objectWith([
    { ver: 1, provenAt: 10 },
    { ver: 2, provenAt: 20 },
  ]);
  const reads = placed(object, readAt(30, 1));
  const phases = [{ name: "Redis frozen", from: 0, to: 100, split: false }];
  expect(findStale(reads, phases, bound)[0]?.reason).toBeUndefined();
});
