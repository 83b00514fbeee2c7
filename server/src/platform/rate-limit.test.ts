import { expect, test } from "vitest";
import { createRateLimit } from "./rate-limit.ts";

const local = { name: "auth", shared: { count: async () => undefined } };
const [a, b] = [{ address: "a" }, { address: "b" }];

test("a window starts at the first attempt, counts down and starts anew", async () => {
  let now = 1_000_000;
  const limit = createRateLimit({ ...local, limit: 2, windowMs: 60_000, now: () => now });
  expect(await limit.consume(a)).toEqual({ limit: 2, remaining: 1, resetSeconds: 60, exceeded: false });
  now += 20_500;
  expect(await limit.consume(a)).toEqual({ limit: 2, remaining: 0, resetSeconds: 40, exceeded: false });
  expect(await limit.consume(a)).toMatchObject({ remaining: 0, exceeded: true });
  expect(await limit.consume(b)).toMatchObject({ exceeded: false });
  now += 39_500;
  expect(await limit.consume(a)).toMatchObject({ remaining: 1, exceeded: false });
});

test("0 turns the limit off", async () => {
  expect(await createRateLimit({ ...local, limit: 0, windowMs: 1, now: () => 0 }).consume(a)).toBeUndefined();
});

test("all nodes count together where Redis tells, and a node goes by its own count when that is the higher one", async () => {
  let told: { count: number; leftMs: number } | undefined = { count: 3, leftMs: 30_500 };
  const shared = { count: async () => told };
  const limit = createRateLimit({ ...local, shared, limit: 2, windowMs: 60_000, now: () => 0 });
  expect(await limit.consume(a)).toEqual({ limit: 2, remaining: 0, resetSeconds: 31, exceeded: true });
  // Redis was flushed, and then is away.
  told = { count: 1, leftMs: 60_000 };
  expect(await limit.consume(a)).toMatchObject({ remaining: 0, exceeded: false });
  told = undefined;
  expect(await limit.consume(a)).toMatchObject({ exceeded: true });
});
