import { expect, test } from "vitest";
import { createClockMap } from "./clock.ts";

test("another clock's times are brought to ours by the pairs that took little, drift included", () => {
  const toMs = createClockMap([
    { at: 1_000, other: 501_000, took: 0.1 },
    { at: 2_000, other: 502_100, took: 900 },
    { at: 12_000, other: 512_900, took: 900 },
    { at: 21_000, other: 521_010, took: 0.1 },
  ]);
  expect(toMs(501_000)).toBe(1_000);
  expect(toMs(521_010)).toBe(21_000);
  expect(toMs(511_005)).toBe(11_000);
  expect(toMs(500_000)).toBe(0);
  expect(toMs(522_010)).toBe(22_000);
});
