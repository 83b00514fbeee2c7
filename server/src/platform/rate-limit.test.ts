import { expect, test } from "vitest";
import { createRateLimit } from "./rate-limit.ts";

test("a window starts at the first attempt, counts down and starts anew", () => {
  let now = 1_000_000;
  const limit = createRateLimit({ limit: 2, windowMs: 60_000, now: () => now });
  expect(limit.consume("a")).toEqual({ limit: 2, remaining: 1, resetSeconds: 60, exceeded: false });
  now += 20_500;
  expect(limit.consume("a")).toEqual({ limit: 2, remaining: 0, resetSeconds: 40, exceeded: false });
  expect(limit.consume("a")).toMatchObject({ remaining: 0, exceeded: true });
  expect(limit.consume("b")).toMatchObject({ exceeded: false });
  now += 39_500;
  expect(limit.consume("a")).toMatchObject({ remaining: 1, exceeded: false });
});

test("0 turns the limit off", () => {
  expect(createRateLimit({ limit: 0, windowMs: 1, now: () => 0 }).consume("a")).toBeUndefined();
});
