import { expect, test } from "vitest";
import { RedisUnavailable, type Redis } from "../platform/redis/redis.ts";
import { splitCalls } from "./script-calls.ts";
import { createMemory } from "./memory.ts";
import { createDirtyRelay } from "./dirty-relay.ts";

const rows = (count: number) => Array.from({ length: count }, (_, i) => ({ id: i, key: `key ${i}`, ver: i + 1 }));

/** A Redis that keeps what it was called with, and fails for one key. */
function fake(isSharded: boolean, bad = ""): { redis: Redis; calls: [readonly string[], readonly unknown[]][] } {
  const calls: [readonly string[], readonly unknown[]][] = [];
  const script: Redis["script"] = async (_ms, _script, keys, args) => {
    calls.push([keys, args]);
    if (keys.includes(bad)) throw new RedisUnavailable("error");
    return 1;
  };
  return { redis: { usable: true, isSharded, script } as unknown as Redis, calls };
}
const relayOf = (redis: Redis) =>
  createDirtyRelay({ redis, memory: createMemory({ maxBytes: 1_000, maxKeys: 10, onRaise: () => undefined }) });

test("a standalone Redis gets 256 keys in a call, a cluster one", () => {
  const sizes = (isSharded: boolean): number[] => splitCalls(rows(600), { isSharded }).map(({ length }) => length);
  expect(sizes(false)).toEqual([256, 256, 88]);
  expect(sizes(true)).toEqual(Array.from({ length: 600 }, () => 1));
  expect(splitCalls([], { isSharded: true })).toEqual([]);
});

test("every row is killed by its own call in a cluster, and those whose call failed stay", async () => {
  const { redis, calls } = fake(true, "key 1");
  expect(await relayOf(redis)(rows(4), 7)).toEqual([0, 2, 3]);
  expect(calls).toEqual(rows(4).map(({ key, ver }) => [[key], [7, ver]]));
});

test("after a failure the rest waits for the next turn", async () => {
  const { redis, calls } = fake(true, "key 3");
  expect(await relayOf(redis)(rows(600), 7)).toHaveLength(255);
  expect(calls).toHaveLength(256);
  const alone = fake(false, "key 300");
  expect(await relayOf(alone.redis)(rows(600), 7)).toHaveLength(256);
  expect(alone.calls).toHaveLength(2);
});
