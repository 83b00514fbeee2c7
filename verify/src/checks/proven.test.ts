import { expect, test } from "vitest";
import { objectWith, readAt } from "../testing/histories.ts";
import type { ObjectHistory } from "./object-history.ts";
import { assess, type Ledger } from "./proven.ts";

const none = { reads: [], writes: [], seen: [] };

function account(...objects: readonly ObjectHistory[]): Ledger {
  return {
    objects: new Map(objects.map((object) => [object.name, object])),
    effects: [{ effect: "deleted 17", at: 50, txn: 2 }],
  };
}

/** Since when the states of conv:1:2 are proven, as a late read sees them. */
function provenAt(events: Partial<typeof none> | object): number[] {
  const object = objectWith([{ ver: 1 }, { ver: 3 }, { ver: 4 }]);
  const late = readAt(1_000, 99);
  const { reads } = assess(account(object), {
    ...none,
    ...events,
    reads: [...(("reads" in events && events.reads) || []), late],
  });
  return reads.at(-1)?.object.states.map(({ provenAt }) => provenAt) ?? [];
}

test("without any proof nothing counts as committed", () => {
  expect(provenAt({})).toEqual([Infinity, Infinity, Infinity, Infinity]);
});

test("an acknowledgement proves the transaction of its version and all before it, from then on", () => {
  const write = { session: 1, t0: 10, t1: 20, proof: { object: "conv:1:2", ver: 2 } };
  expect(provenAt({ writes: [write] })).toEqual([20, 20, 20, Infinity]);
});

test("one without a version is found by what it did between request and answer", () => {
  const write = { session: 1, t0: 40, t1: 60, proof: { effect: "deleted 17" } };
  expect(provenAt({ writes: [write] })).toEqual([60, 60, 60, Infinity]);
  const elsewhere = { ...write, t0: 100, t1: 120 };
  expect(provenAt({ writes: [elsewhere] })).toEqual([Infinity, Infinity, Infinity, Infinity]);
  expect(assess(account(objectWith([])), { ...none, writes: [elsewhere] })).toMatchObject({
    unlocated: 1,
    ownWrites: [],
  });
});

test("a push and a read prove what they show", () => {
  expect(provenAt({ seen: [{ object: "conv:1:2", ver: 4, at: 30 }] })).toEqual([30, 30, 30, 30]);
  expect(provenAt({ reads: [readAt(70, 3)] })).toEqual([71, 71, 71, Infinity]);
});

test("a proof of a transaction is one for every object that it changed", () => {
  const list = { ...objectWith([{ ver: 8, txn: 3 }]), name: "convlist:1" };
  const of = { object: "convlist:1", view: "", keys: [] };
  const events = { ...none, seen: [{ object: "conv:1:2", ver: 4, at: 30 }], reads: [readAt(99, 8, { of })] };
  const { reads } = assess(account(objectWith([{ ver: 1 }, { ver: 3 }, { ver: 4 }]), list), events);
  expect(reads[0]?.object.states[1]?.provenAt).toBe(30);
});
