import { expect, test } from "vitest";
import { explore } from "./explore.ts";

const counter = (worst: number) => ({
  start: 0,
  steps: (n: number) => [
    { name: "add one", next: (n + 1) % 10 },
    { name: "double", next: (n * 2) % 10 },
  ],
  key: String,
  broken: (n: number) => (n === worst ? `it is ${worst}` : undefined),
});

test("every state is visited once", () => {
  expect(explore(counter(-1))).toEqual({ states: 10, edges: 20 });
});

test("a violation comes with a shortest trace", () => {
  expect(explore(counter(6)).violation).toEqual({
    what: "it is 6",
    trace: ["add one", "add one", "add one", "double"],
  });
});

test("a model that grows beyond its bound is an error, not a pass", () => {
  expect(() => explore(counter(-1), 5)).toThrow("more than 5 states");
});
