import { expect, test } from "vitest";
import { pauseBeforeStart, poolOfWorker, workerCount } from "./worker-count.ts";

const withRedis = { redisUrl: "redis://10.0.0.1", redisAddr: "" };
const without = { redisUrl: "", redisAddr: "" };

test("by default half of the cores serve from three on, and one process without a Redis; what is set counts", () => {
  const counts = [1, 2, 3, 4, 8, 16, 64].map((cores) => workerCount({ workers: 0, ...withRedis }, cores));
  expect(counts).toEqual([1, 1, 2, 2, 4, 8, 8]);
  expect(workerCount({ workers: 0, ...without }, 64)).toBe(1);
  expect([1, 3].map((workers) => workerCount({ workers, ...without }, 2))).toEqual([1, 3]);
});

test("DB_POOL is shared out, and each has enough to read and to write", () => {
  expect([1, 2, 3, 8].map((count) => poolOfWorker(16, count))).toEqual([16, 8, 6, 4]);
});

test("a worker that fails again and again is started later each time, half a minute at the most", () => {
  expect([0, 1, 2, 3, 6, 7, 8, 10_000].map(pauseBeforeStart)).toEqual([
    0, 500, 1_000, 2_000, 16_000, 30_000, 30_000, 30_000,
  ]);
});
