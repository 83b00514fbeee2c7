import { expect, test } from "vitest";
import { checkLiveness, hitRate, type Sample } from "./liveness.ts";

const good = { hit: 90, hit_l1: 9, miss: 1, off: 1 };
const sample = (at: number, more: Partial<Sample> = {}): Sample => ({
  key: "conv:1:2",
  at,
  state: "dirty",
  ver: 1,
  pend: 9,
  reads: at,
  ...more,
});

const check = (...samples: Sample[]) => checkLiveness([{ samples, hits: good }], 0.85);

test("an entry that is dirty for a while, at rising versions, or that nobody reads is fine", () => {
  const short = [sample(0), sample(900), sample(1_000, { state: "clean" }), sample(1_100), sample(2_000)];
  const rising = [sample(0), sample(800, { ver: 2 }), sample(1_600, { ver: 3 })];
  const busy = [sample(0), sample(800, { pend: 10 }), sample(1_600, { pend: 11 })];
  const unread = [sample(0, { reads: 5 }), sample(5_000, { reads: 5 })];
  for (const samples of [short, rising, busy, unread]) expect(check(...samples).violations).toEqual([]);
});

test("an entry that stays dirty at one version while it is read is a violation", () => {
  expect(check(sample(0), sample(600), sample(1_200)).violations).toEqual([
    "conv:1:2 stayed dirty at version 1 of 9 for 1200 ms while it was read",
  ]);
});

test("the hit rate has to be known and above the gate; reads that did not ask do not count", () => {
  expect(hitRate(good)).toBe(0.99);
  expect(checkLiveness([{ samples: [], hits: good }], 0.995).violations).toEqual([
    "hit rate 99.00 % while all was well, 99.50 % expected",
  ]);
  expect(checkLiveness([{ samples: [], hits: undefined }], 0.85).violationCount).toBe(1);
});

test("a phase in which Redis was often not asked tells nothing, but hardly ever asking it is a violation", () => {
  const busy = { samples: [sample(0), sample(2_000)], hits: { hit: 10, off: 5 } };
  expect(checkLiveness([busy, busy], 0.85)).toMatchObject({ checked: 0, violationCount: 0 });
  const unused = { ...busy, hits: { hit: 90, off: 1_000 } };
  expect(checkLiveness([unused], 0.85).violations).toEqual(["hardly any read asked the cache in 1 quiet phases"]);
  expect(checkLiveness([unused], 0).violations).toEqual([]);
});
