import { expect, test } from "vitest";
import { keptOf } from "./answer-memory.ts";
import { examine, type AnswerResult } from "./answer-proof.ts";
import type { Sight, Witness } from "./witness.ts";

test("what the first witness cannot say, or only that somebody is about to commit, the second is asked", async () => {
  const question = { viewerId: 1, as: "a@example.org", url: "/a", route: "history" };
  const recording = { objects: new Map([["conv:1:2", 0]]), observations: [], isComplete: true };
  const made = { body: Buffer.from("[0]"), make: async () => [0], recording };
  const answer = { ...keptOf(question, made), isNewest: true };
  const second: Witness = { hasCounters: false, look: async () => sightOf({ ver: 0, isDirty: false }) };
  let now = 0;
  const witnessed = (first: Sight | undefined, ...more: Witness[]): Promise<AnswerResult> =>
    examine(answer, [{ hasCounters: true, look: async () => first }, ...more], () => now);
  expect(await witnessed(undefined)).toBe("unknown");
  expect(await witnessed(undefined, second)).toBe("proven");
  expect(await witnessed(sightOf({ ver: 0, isDirty: true }))).toBe("unknown");
  expect(await witnessed(sightOf({ ver: 0, isDirty: true }), second)).toBe("proven");
  expect(await witnessed(sightOf({ ver: 1, isDirty: false }), second)).toBe("changed");
  expect(await witnessed(sightOf({ ver: 1, isDirty: true }), second)).toBe("changed");
  expect(await witnessed(sightOf(undefined), second)).toBe("changed");
  // What stays dirty is made anew, which fills it.
  const [dirty, clean] = [sightOf({ ver: 0, isDirty: true }), sightOf({ ver: 0, isDirty: false })];
  expect([await witnessed(clean), await witnessed(dirty, second)]).toEqual(["proven", "proven"]);
  now += 251;
  expect(await witnessed(dirty, second)).toBe("changed");
  expect([await witnessed(clean), await witnessed(dirty, second)]).toEqual(["proven", "proven"]);
});

function sightOf(version: ReturnType<Sight["version"]>): Sight {
  return { version: () => version, counter: () => undefined };
}
