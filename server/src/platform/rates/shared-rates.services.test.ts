import { startRedis, type RedisServer } from "@om/services";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { redisClient, until } from "../../../tests/fixtures/redis-clients.ts";
import { createAllowances, type AllowanceKind } from "../allowances.ts";
import type { RedisClient } from "../redis/redis-client.ts";
import { TooMany } from "../rate-limit.ts";
import { createSharedRates, rateScripts } from "./shared-rates.ts";

let redis: RedisServer;
const clients: RedisClient[] = [];
beforeAll(async () => void (redis = await startRedis()));
afterAll(async () => {
  await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
  await redis[Symbol.asyncDispose]();
});

/** Allowances of one node, for which no time passes: nothing comes back but by Redis' clock, which for groups is two a minute. */
async function startNode() {
  const client = redisClient(redis, { scripts: rateScripts });
  clients.push(client);
  await until(client, true);
  const rates = createSharedRates();
  rates.start(client, "the same secret on all nodes");
  const { of } = createAllowances({ factor: 1, now: () => 0, onSpent: rates.spent });
  return {
    client,
    rates,
    of,
    /** How often the user may, of so many tries. Between two of them whatever Redis was told is answered. */
    async granted(userId: number, tries: number, kind: AllowanceKind = "groups"): Promise<number> {
      let granted = 0;
      for (let i = 0; i < tries; i++) {
        try {
          of(userId).takeOrRefuse(kind);
          granted += 1;
        } catch (refused) {
          expect(refused).toBeInstanceOf(TooMany);
        }
        await client.call(5_000, "PING").catch(() => undefined);
      }
      return granted;
    },
  };
}
const level = (userId: number, kind = "groups"): number =>
  Number(redis.cli("HGET", `rate:user:${userId}:buckets`, kind).split(" ")[0]);

test("one user's limits count together on all nodes: each more gives a tenth of a burst at the most, and what was too much is taken off", async () => {
  const [a, b, c] = [await startNode(), await startNode(), await startNode()];
  expect(await a.granted(7, 100)).toBe(60);
  a.rates.flush();
  await vi.waitFor(() => expect(level(7)).toBeLessThan(1));
  const more: [number, number] = [await b.granted(7, 100), await c.granted(7, 100)];
  expect(Math.max(...more)).toBeLessThanOrEqual(6);
  b.rates.flush();
  c.rates.flush();
  await vi.waitFor(() => expect(level(7)).toBeLessThanOrEqual(1 - more[0] - more[1]));
  // Other kinds and other users notice nothing.
  expect([await b.granted(7, 5, "messages"), await b.granted(8, 5)]).toEqual([5, 5]);
});

test("rate:user:{id}:minute counts requests and messages of all nodes for a minute; a bucket is kept until it is full again", async () => {
  const [a, b] = [await startNode(), await startNode()];
  for (const node of [a, b]) {
    node.of(20).take("reads");
    node.of(20).take("frames");
    node.of(20).take("bytes", 500);
    node.of(20).take("messages", 2);
    node.rates.flush();
  }
  await vi.waitFor(() => expect(redis.cli("GET", "rate:user:20:minute")).toBe("6"));
  for (const [key, ms] of [
    ["minute", 60_000],
    ["buckets", 200],
  ] as const) {
    const left = Number(redis.cli("PTTL", `rate:user:20:${key}`));
    expect([key, left !== -1, left <= ms]).toEqual([key, true, true]);
  }
  expect([redis.cli("INCR", "rate:user:20:minute"), redis.cli("EXPIRE", "rate:user:20:minute", "60")]).toEqual([
    "7",
    "1",
  ]);
});

test("a flushed Redis, keys of other software and nonsense in ours take nothing away and give nothing back", async () => {
  const node = await startNode();
  expect(await node.granted(30, 70)).toBe(60);
  redis.cli("FLUSHALL");
  expect(await node.granted(30, 5)).toBe(0);
  redis.cli("SET", "rate:user:31:buckets", "theirs");
  redis.cli("RPUSH", "rate:user:32:minute", "theirs");
  redis.cli(
    "HSET",
    "rate:user:33:buckets",
    "groups",
    "nan nan",
    "messages",
    "1e300 -1e300",
    "reads",
    "-1e300 0",
    "syncs",
    "x",
  );
  for (const userId of [31, 32, 33])
    for (const kind of ["groups", "messages", "syncs"] as const) node.of(userId).take(kind);
  node.of(34).take("groups");
  node.rates.flush();
  await vi.waitFor(() => expect(level(34)).toBe(59));
  expect([redis.cli("GET", "rate:user:31:buckets"), redis.cli("LRANGE", "rate:user:32:minute", "0", "-1")]).toEqual([
    "theirs",
    "theirs",
  ]);
  expect([level(32), level(33), level(33, "messages"), level(33, "syncs")]).toEqual([59, 59, 599, 59]);
  // Nobody waits for longer than one full bucket takes.
  node.of(33).take("reads");
  node.rates.flush();
  await vi.waitFor(() => expect(level(33, "reads")).toBe(-1_000));
  expect(await node.granted(31, 70)).toBe(59);
});

test("10,000 users who come at once are told of one after the other, and Redis is not held up", async () => {
  const node = await startNode();
  for (let userId = 10_000; userId < 20_000; userId++) node.of(userId).take("groups");
  node.rates.flush();
  await vi.waitFor(() => expect(redis.cli("EXISTS", "rate:user:19999:buckets")).toBe("1"), { timeout: 20_000 });
  expect([node.client.usable, level(10_000)]).toEqual([true, 59]);
});

test("attempts of an address count together on all nodes, and Redis is not told the address", async () => {
  const [a, b] = [await startNode(), await startNode()];
  const who = { address: "192.0.2.7" };
  const counts = [];
  for (const node of [a, b, a]) counts.push((await node.rates.count("auth", who, 60_000))?.count);
  expect(counts).toEqual([1, 2, 3]);
  expect((await a.rates.count("auth", { userId: 7 }, 60_000))?.count).toBe(1);
  const [key = "", ...others] = redis.cli("--scan", "--pattern", "rate:address:*").split("\n");
  expect([others, key.includes("192"), /^rate:address:[\w-]{22}:auth$/.test(key)]).toEqual([[], false, true]);
  expect(Number(redis.cli("PTTL", key))).toBeGreaterThan(0);
  redis.cli("DEL", key);
  redis.cli("RPUSH", key, "theirs");
  expect(await a.rates.count("auth", who, 60_000)).toBeUndefined();
});

test("without Redis a node counts for itself, and nobody waits for it", async () => {
  const [node, before] = [await startNode(), createSharedRates()];
  expect(await before.count("auth", { address: "192.0.2.8" }, 60_000)).toBeUndefined();
  await node.client[Symbol.asyncDispose]();
  expect([await node.granted(40, 70), await node.rates.count("auth", { address: "192.0.2.8" }, 60_000)]).toEqual([
    60,
    undefined,
  ]);
});
