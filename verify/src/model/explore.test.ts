import fc from "fast-check";
import { expect, test } from "vitest";
import { explore, keyOf, type Model } from "./explore.ts";
import { disappointment, runsOf } from "./run.ts";

/** A digit that may be doubled or grow by one. */
function digit(change: Partial<Model<number>> = {}): Model<number> {
  return {
    start: 0,
    steps: (n) => [
      { name: "add one", next: (n + 1) % 10 },
      { name: "double", next: (n * 2) % 10, outside: true },
    ],
    key: String,
    broken: () => undefined,
    goals: { "an odd number": (n) => n % 2 === 1 },
    ...change,
  };
}

test("every state is visited once, every step counted, every goal too", () => {
  expect(explore(digit())).toEqual({ states: 10, edges: 20, met: { "an odd number": 5 } });
});

test("a violation comes with a shortest trace", () => {
  const { violation } = explore(digit({ broken: (n) => (n === 6 ? "it is 6" : undefined) }));
  expect(violation).toEqual({ what: "it is 6", trace: ["add one", "add one", "add one", "double"] });
});

test("a broken step is the last of its trace", () => {
  const brokenStep: Model<number>["brokenStep"] = (from, { next }) => (next < from ? "it fell" : undefined);
  const { violation } = explore(digit({ brokenStep }));
  expect(violation?.what).toBe("it fell");
  expect(violation?.trace).toEqual(["add one", "add one", "add one", "double", "double"]);
});

test("a state that is not finished and can only hope for the outside is a deadlock", () => {
  const upTo3 = digit({
    steps: (n) => [...(n < 3 ? [{ name: "add one", next: n + 1 }] : []), { name: "reset", next: 0, outside: true }],
  });
  expect(explore({ ...upTo3, finished: (n) => n === 3 }).violation).toBeUndefined();
  expect(explore({ ...upTo3, finished: (n) => n === 4 }).violation?.what).toBe("deadlock");
});

test("a model that grows beyond its bound is an error, not a pass", () => {
  expect(() => explore(digit(), 5)).toThrow("more than 5 states");
});

test("a run whose goals are not met disappoints, though nothing is broken", () => {
  const run = runsOf("digit").holds("digit", "", digit({ goals: { "the number 11": (n) => n === 11 } }));
  expect(disappointment(run, run.explore())).toBe("never met: the number 11");
});

test("keys are equal for equal data only", () => {
  const leaf = fc.oneof(fc.nat(20), fc.boolean(), fc.constantFrom("a", "b", "", "idle"), fc.constant(undefined));
  const record = fc.record({ a: fc.oneof(leaf, fc.array(leaf, { maxLength: 3 })), b: fc.record({ c: leaf, d: leaf }) });
  fc.assert(
    fc.property(fc.array(record, { maxLength: 2 }), fc.array(record, { maxLength: 2 }), (one, other) => {
      const text = (value: unknown): string =>
        JSON.stringify(value, (_, part: unknown) => (part === undefined ? null : part));
      expect(keyOf(one) === keyOf(other)).toBe(text(one) === text(other));
    }),
  );
});
