import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createGathering } from "./gathering.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("what comes within the wait is taken together, when there is much of it earlier, each once and in order", () => {
  const taken: number[][] = [];
  const gathering = createGathering<number>({ waitMs: 100, most: 3, take: (items) => taken.push(items) });
  for (const item of [1, 2]) gathering.add(item);
  vi.advanceTimersByTime(99);
  expect(taken).toEqual([]);
  vi.advanceTimersByTime(1);
  for (const item of [3, 4, 5, 6]) gathering.add(item);
  expect(taken).toEqual([
    [1, 2],
    [3, 4, 5],
  ]);
  gathering.flush();
  gathering.flush();
  gathering.add(7);
  vi.advanceTimersByTime(100);
  expect(taken.slice(2)).toEqual([[6], [7]]);
  expect(vi.getTimerCount()).toBe(0);
});
