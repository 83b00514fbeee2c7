import { expect, test } from "vitest";
import type { TooMany } from "../platform/rate-limit.ts";
import { createAdmission } from "./admission.ts";

function crowd(perSecond: number): { clock: { now: number }; waits: number[]; come: () => Promise<void> } {
  const clock = { now: 50_000 };
  const waits: number[] = [];
  const pause = async (ms: number): Promise<void> => void waits.push(ms);
  return { clock, waits, come: createAdmission({ perSecond, now: () => clock.now, pause }) };
}

test("a second's worth comes in at once, the others one after the other, and who would wait too long is told when to come again", async () => {
  const { clock, waits, come } = crowd(100);
  const outcomes = await Promise.allSettled(Array.from({ length: 1_500 }, come));
  const refused = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason as TooMany] : []));
  expect(waits.slice(0, 3)).toEqual([10, 20, 30]);
  expect(waits.length).toBe(800);
  expect(refused.length).toBe(1_500 - 800 - 101);
  expect(refused.every((error) => error.status === 503 && error.retryAfterSeconds >= 1)).toBe(true);
  expect(new Set(refused.map(({ retryAfterSeconds }) => retryAfterSeconds)).size).toBeGreaterThan(1);
  clock.now += 4_000;
  await come();
  expect(waits.at(-1)).toBe(8_010 - 4_000);
  clock.now += 60_000;
  const before = waits.length;
  await Promise.all(Array.from({ length: 100 }, come));
  expect(waits.length).toBe(before);
});

test("without a bound nobody waits", async () => {
  const { waits, come } = crowd(0);
  await Promise.all(Array.from({ length: 10_000 }, come));
  expect(waits).toEqual([]);
});
