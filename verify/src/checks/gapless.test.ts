import { expect, test } from "vitest";
import { checkGapless } from "./gapless.ts";

const toReceive = { must: new Map([["group:1", [1, 2, 4]]]), may: new Map([["group:1", new Set([1, 2, 3, 4])]]) };
const verdict = (...seqs: number[]) => {
  const messages = seqs.map((seq) => ({ object: "group:1", seq }));
  return checkGapless([{ device: "it", messages, toReceive }]).violations;
};

test("every message once and in order is fine, with a deleted one or without", () => {
  expect([verdict(1, 2, 4), verdict(1, 2, 3, 4)]).toEqual([[], []]);
});

test("a missing, a repeated, a late and a foreign message are violations", () => {
  expect(verdict(1, 4)).toEqual(["it never received 1 messages of group:1, such as 2"]);
  expect(verdict(1, 2, 2, 4)).toEqual(["it received message 2 of group:1 twice"]);
  expect(verdict(1, 4, 2)).toEqual(["it received message 2 of group:1 after 4"]);
  expect(verdict(1, 2, 4, 5)).toEqual(["it received message 5 of group:1, which is not there for it"]);
});
