import { expect, test } from "vitest";
import { createBackoff } from "./backoff.ts";

test("waits are random up to a bound that doubles and begins anew", () => {
  let random = 1;
  const backoff = createBackoff({ first: 50, longest: 2_000, random: () => random });
  expect(Array.from({ length: 8 }, () => backoff.next())).toEqual([50, 100, 200, 400, 800, 1_600, 2_000, 2_000]);
  random = 0.25;
  expect(backoff.next()).toBe(500);
  backoff.reset();
  expect(backoff.next()).toBe(12.5);
});
