import { startRedis, startRedisCluster, type RedisCluster, type RedisServer } from "@om/services";
import slotOf from "cluster-key-slot";
import { afterAll, beforeAll, expect, test } from "vitest";
import { clusterClient, endOf, until } from "../../../tests/fixtures/redis-clients.ts";
import type { Script } from "./redis.ts";

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startRedisCluster();
});
afterAll(() => cluster[Symbol.asyncDispose]());

const timeoutMs = 200;
const long = { timeout: 30_000 };
const double: Script = { name: "double", source: "redis.call('SET', KEYS[1], ARGV[1] * 2) return KEYS[1]" };
const keys = Array.from({ length: 60 }, (_, i) => `conv:${i}:${i * 7}`);

test("slots are those of CLUSTER KEYSLOT", () => {
  const odd = ["", "a", "{a}b", "b{a}", "{}a", "a{b", "a}b{", "{a}{b}", "ä€😀", "{ä}€", ...keys];
  for (const key of odd) expect(slotOf(key), key).toBe(Number(cluster.masters[0]?.cli("CLUSTER", "KEYSLOT", key)));
});

test("commands and scripts go to the master of their key, those of one tick side by side", async () => {
  await using redis = clusterClient(cluster, { scripts: [double] });
  await until(redis, true);
  await Promise.all(keys.map((key) => redis.call(timeoutMs, "SET", key, key)));
  expect(await Promise.all(keys.map((key) => redis.call(timeoutMs, "GET", key)))).toEqual(
    keys.map((key) => Buffer.from(key)),
  );
  for (const key of keys.slice(0, 9)) expect(cluster.masters[cluster.ownerOf(key)]?.cli("GET", key)).toBe(key);
  const doubled = await Promise.all(keys.map((key, i) => redis.script(timeoutMs, double, [key], [i])));
  expect(doubled).toEqual(keys.map((key) => Buffer.from(key)));
  expect(await redis.call(timeoutMs, "GET", keys[30] ?? "")).toEqual(Buffer.from("60"));
  expect(cluster.masters.map((node) => node.cli("DBSIZE")).reduce((sum, size) => sum + Number(size), 0)).toBe(
    keys.length,
  );
});

test("several keys in one script are a mistake unless they share a slot", async () => {
  await using redis = clusterClient(cluster, { scripts: [double] });
  await until(redis, true);
  await expect(redis.script(timeoutMs, double, ["a", "b"], [1])).rejects.toThrow(
    "script double: its 2 keys lie in 2 slots of the cluster",
  );
  expect(await redis.script(timeoutMs, double, ["{a}1", "{a}2"], [1])).toEqual(Buffer.from("{a}1"));
});

test("one seed is enough, and seeds that are gone or something else do no harm", async () => {
  await using stranger = await startRedis();
  const reasons: string[] = [];
  const gone = { port: 1 } as RedisServer;
  const masters = [gone, stranger, cluster.masters[1] as RedisServer];
  await using redis = clusterClient({ masters }, { onDisconnected: (why) => reasons.push(why) });
  await until(redis, true);
  expect(reasons).toEqual([]);
  expect(await endOf(redis.call(timeoutMs, "SET", "key", "value"))).toBe("answered");
  await using alone = clusterClient({ masters: [stranger] }, { onDisconnected: (why) => reasons.push(why) });
  await expect.poll(() => reasons).toContain("ERR This instance has cluster support disabled");
  expect([alone.usable, await endOf(alone.call(timeoutMs, "PING"))]).toEqual([false, "disconnected"]);
});

test("what one client publishes goes to one master, in order, and is heard at all of them", async () => {
  await using redis = clusterClient(cluster);
  await until(redis, true);
  const publishes = (node: RedisServer): number =>
    Number(/cmdstat_publish:calls=(\d+)/.exec(node.cli("INFO", "commandstats"))?.[1] ?? 0);
  const before = cluster.masters.map(publishes);
  await Promise.all(keys.map((key) => redis.call(timeoutMs, "PUBLISH", key, "x")));
  const after = cluster.masters.map((node, i) => publishes(node) - (before[i] ?? 0));
  expect(after.toSorted((a, b) => a - b)).toEqual([0, 0, keys.length]);
});

test("checks run before anybody may use it, with the identity of the whole, and again when one was lost", async () => {
  await using redis = clusterClient(cluster, { idle: true });
  const seen: unknown[] = [];
  let good = false;
  redis.onReady(async (identity, commands) => {
    seen.push(identity, redis.usable, redis.identity, String(await commands.call(timeoutMs, "GET", "absent")));
    return good;
  });
  redis.start();
  await expect.poll(() => seen.length).toBeGreaterThan(4);
  expect([redis.usable, await endOf(redis.call(timeoutMs, "GET", "absent"))]).toEqual([false, "disconnected"]);
  good = true;
  await until(redis, true);
  expect(seen.slice(-4)).toEqual([redis.identity, false, undefined, "null"]);
  const { identity } = redis;
  const rounds = seen.length;
  const lost = until(redis, false);
  cluster.masters[2]?.cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
  await lost;
  await until(redis, true);
  expect(redis.identity).toBe(identity);
  expect(seen.length).toBeGreaterThan(rounds);
});

test("a slot that has moved: the call fails with MOVED, and soon goes to the new master; the identity stays", async () => {
  await using redis = clusterClient(cluster);
  await until(redis, true);
  const { identity } = redis;
  const key = "moving";
  await redis.call(timeoutMs, "SET", key, "value");
  const [from, to] = [cluster.ownerOf(key), (cluster.ownerOf(key) + 1) % 3].map(
    (i) => cluster.masters[i] as RedisServer,
  ) as [RedisServer, RedisServer];
  const slot = String(slotOf(key));
  to.cli("CLUSTER", "SETSLOT", slot, "IMPORTING", from.cli("CLUSTER", "MYID"));
  from.cli("CLUSTER", "SETSLOT", slot, "MIGRATING", to.cli("CLUSTER", "MYID"));
  await expect(redis.call(timeoutMs, "SET", `{${key}}2`, "x")).rejects.toThrow(/^ASK /);
  from.cli("MIGRATE", "127.0.0.1", String(to.port), key, "0", "5000");
  for (const node of [to, from]) node.cli("CLUSTER", "SETSLOT", slot, "NODE", to.cli("CLUSTER", "MYID"));
  expect(await endOf(redis.call(timeoutMs, "GET", key))).toMatch(/^(error|answered)$/);
  await expect.poll(async () => endOf(redis.call(timeoutMs, "GET", key)), long).toBe("answered");
  expect([String(await redis.call(timeoutMs, "GET", key)), redis.identity, redis.usable]).toEqual([
    "value",
    identity,
    true,
  ]);
});

test("a master that hangs or is killed: nothing is usable until it is back, then under another identity", async () => {
  await using redis = clusterClient(cluster);
  await until(redis, true);
  const { identity } = redis;
  const [first] = cluster.masters as [RedisServer];
  let lost = until(redis, false);
  first.pause();
  await lost;
  expect(await endOf(redis.call(timeoutMs, "GET", keys[0] ?? ""))).toMatch(/^(disconnected|open)$/);
  first.resume();
  await until(redis, true);
  expect(redis.identity).toBe(identity);
  lost = until(redis, false);
  await first.kill();
  await lost;
  await first.start();
  await until(redis, true);
  expect(redis.identity).not.toBe(identity);
  expect(await endOf(redis.call(timeoutMs, "PUBLISH", "channel", "x"))).toBe("answered");
});
