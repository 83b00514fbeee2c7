import { startFaultProxy, startRedis } from "@om/services";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Connection } from "./connection.ts";
import { RedisUnavailable } from "./redis.ts";

test("answers that come late reach nobody, least of all another caller", async () => {
  await using server = await startRedis();
  await using proxy = await startFaultProxy(server.port);
  const endpoint = { host: "127.0.0.1", port: proxy.port, username: "", password: "", db: 0, tls: undefined };
  const events = { answered: 0, failed: 0 };
  const connect = (): Promise<Connection> =>
    new Promise((resolve) => {
      const made: Connection = new Connection(endpoint, {
        connected: () => resolve(made),
        closed: () => undefined,
        answered: () => (events.answered += 1),
        failed: () => (events.failed += 1),
      });
    });
  let connection = await connect();
  for (let i = 0; i < 50; i++) await connection.call(200, "SET", `key:${i}`, `value ${i}`);
  const ends = { answered: 50, timeout: 0, disconnected: 0 };

  const read = async (key: number, deadline: number): Promise<void> => {
    try {
      expect(String(await connection.call(deadline, "GET", `key:${key}`))).toBe(`value ${key}`);
      ends.answered += 1;
    } catch (error) {
      if (!(error instanceof RedisUnavailable)) throw error;
      expect(error.reason).toMatch(/^(timeout|disconnected)$/);
      ends[error.reason === "timeout" ? "timeout" : "disconnected"] += 1;
    }
  };
  const step = fc.record({
    delay: fc.integer({ min: 0, max: 10 }),
    reads: fc.array(fc.tuple(fc.integer({ min: 0, max: 49 }), fc.integer({ min: 1, max: 25 })), { maxLength: 20 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
      // On a machine that stands still for long the connection is given up.
      if (connection.closed) connection = await connect();
      const running: Promise<void>[] = [];
      for (const { delay, reads } of steps) {
        proxy.mode({ delay });
        running.push(...reads.map(([key, deadline]) => read(key, deadline)));
        await read(0, 5 + delay);
      }
      await Promise.all(running);
    }),
    { numRuns: 50 },
  );
  expect(Math.min(ends.answered, ends.timeout)).toBeGreaterThan(100);
  expect(events).toEqual({ answered: ends.answered, failed: ends.timeout + ends.disconnected });
  connection.close("enough");
});
