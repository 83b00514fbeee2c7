import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createTracker } from "./tracker.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function trackerOf() {
  const missing = vi.fn<() => void>();
  const tracker = createTracker({
    start: [["user_2", { ver: 1, seq: 1 }]],
    onEffect: () => undefined,
    missing,
    reorderMs: 50,
  });
  return { tracker, missing };
}

test("a gap is reported after the time to reorder, and again when a catch-up did not fill it", () => {
  const { tracker, missing } = trackerOf();
  tracker.change("user_2", { ver: 3, seq: 3 });
  vi.advanceTimersByTime(49);
  expect(missing).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1_000);
  expect(missing).toHaveBeenCalledTimes(1);
  tracker.caughtUp();
  vi.advanceTimersByTime(50);
  expect(missing).toHaveBeenCalledTimes(2);
  tracker.change("user_2", { ver: 2, seq: 2 });
  tracker.caughtUp();
  vi.advanceTimersByTime(50);
  expect(missing).toHaveBeenCalledTimes(2);
  expect(tracker.all()).toEqual([["user_2", { ver: 3, seq: 3 }]]);
});

test("a line that is gone takes its gaps along", () => {
  const { tracker, missing } = trackerOf();
  tracker.change("user_2", { ver: 3, seq: 3 });
  tracker.disconnected();
  vi.advanceTimersByTime(1_000);
  expect(missing).not.toHaveBeenCalled();
  tracker.change("user_2", { ver: 2, seq: 2 });
  expect(tracker.progress("user_2")).toMatchObject({ ver: 2, seq: 2, held: [] });
});
