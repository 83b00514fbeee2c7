import { freePort, startRedis, type RedisServer } from "@om/services";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { endOf, redisClient, until } from "../../../tests/fixtures/redis-clients.ts";
import { RedisUnavailable, type Script } from "./redis.ts";

let server: RedisServer;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => {
  server.cli("FLUSHALL");
  server.cli("SCRIPT", "FLUSH");
});

const timeoutMs = 200;
const identityOf = ({ cli }: RedisServer): string =>
  [/run_id:(\w+)/.exec(cli("INFO", "server"))?.[1], /master_replid:(\w+)/.exec(cli("INFO", "replication"))?.[1]].join(
    "-",
  );

test("every kind of reply comes to its own caller, in order and as bytes", async () => {
  await using redis = redisClient(server);
  await until(redis, true);
  const bytes = Buffer.from([0, 255, 13, 10, 128]);
  const replies = await Promise.all([
    redis.call(timeoutMs, "SET", "key", bytes),
    redis.call(timeoutMs, "GET", "key"),
    redis.call(timeoutMs, "INCRBY", "count", 41),
    redis.call(timeoutMs, "GET", "absent"),
    redis.call(timeoutMs, "MGET", "key", "absent", "count"),
    redis.call(timeoutMs, "HSET", Buffer.from("hash"), "field", Buffer.from("value")),
    redis.call(timeoutMs, "HGETALL", "hash"),
    redis.call(timeoutMs, "SET", "empty", Buffer.alloc(0)),
    redis.call(timeoutMs, "GET", "empty"),
  ]);
  const ok = Buffer.from("OK");
  const pairs = [Buffer.from("field"), Buffer.from("value")];
  expect(replies).toEqual([ok, bytes, 41, null, [bytes, null, Buffer.from("41")], 1, pairs, ok, Buffer.alloc(0)]);
});

test("the commands of one tick leave in one write", async () => {
  await using redis = redisClient(server);
  await until(redis, true);
  const reads = (): number => Number(/total_reads_processed:(\d+)/.exec(server.cli("INFO", "stats"))?.[1]);
  const before = reads();
  await Promise.all(Array.from({ length: 100 }, (_, i) => redis.call(timeoutMs, "SET", `key ${i}`, i)));
  // One for them, one or two for redis-cli.
  expect(reads() - before).toBeLessThan(10);
  expect(server.cli("DBSIZE")).toBe("100");
});

const double: Script = { name: "double", source: "return { KEYS[1], tonumber(ARGV[1]) * 2 }" };

test("scripts are there as soon as it is usable; forgotten ones come back by themselves", async () => {
  await using redis = redisClient(server, { scripts: [double] });
  await until(redis, true);
  const run = () => redis.script(timeoutMs, double, ["key"], [21]);
  const answer = [Buffer.from("key"), 42];
  expect(await run()).toEqual(answer);
  server.cli("SCRIPT", "FLUSH");
  await expect(run()).rejects.toThrow(RedisUnavailable);
  await expect.poll(() => endOf(run())).toBe("answered");
  expect(await run()).toEqual(answer);
  expect(redis.breaker).toBe("closed");
});

test("a script that was not announced fails once and is loaded then", async () => {
  await using redis = redisClient(server);
  await until(redis, true);
  await expect(redis.script(timeoutMs, double, ["key"], [1])).rejects.toMatchObject({ reason: "error" });
  await expect.poll(() => endOf(redis.script(timeoutMs, double, ["key"], [1]))).toBe("answered");
});

test("an error reply is told with its text but without arguments, and does not open the breaker", async () => {
  await using redis = redisClient(server);
  await until(redis, true);
  await redis.call(timeoutMs, "SET", "key", "value");
  const wrong = Array.from({ length: 100 }, () => endOf(redis.call(timeoutMs, "LPUSH", "key", "value")));
  expect(new Set(await Promise.all(wrong))).toEqual(new Set(["error"]));
  await expect(redis.call(timeoutMs, "LPUSH", "key", "x")).rejects.toThrow(/^WRONGTYPE /);
  await expect(redis.call(timeoutMs, "NONSENSE", "private")).rejects.toThrow(/^ERR unknown command 'NONSENSE'$/);
  expect([redis.usable, redis.breaker]).toEqual([true, "closed"]);
});

test("a full Redis refuses writes and still answers reads", async () => {
  await using full = await startRedis({ maxmemory: "1", "maxmemory-policy": "noeviction" });
  await using redis = redisClient(full);
  await until(redis, true);
  for (let i = 0; i < 60; i++) {
    await expect(redis.call(timeoutMs, "SET", "key", "value")).rejects.toMatchObject({
      reason: "error",
      message: expect.stringMatching(/^OOM /) as string,
    });
  }
  expect(await redis.call(timeoutMs, "GET", "key")).toBeNull();
  expect(redis.usable).toBe(true);
});

test("a Redis that has become a replica is left, and used again once it takes writes", async () => {
  await using changing = await startRedis();
  const reasons: string[] = [];
  await using redis = redisClient(changing, { onDisconnected: (why) => reasons.push(why) });
  await until(redis, true);
  changing.cli("REPLICAOF", "127.0.0.1", "1");
  const left = until(redis, false);
  await expect(redis.call(timeoutMs, "SET", "key", "value")).rejects.toThrow(/^READONLY /);
  await left;
  expect(await endOf(redis.call(timeoutMs, "GET", "key"))).toBe("disconnected");
  await expect.poll(() => reasons, { timeout: 5_000 }).toContain("this Redis is a replica, which takes no writes");
  changing.cli("REPLICAOF", "NO", "ONE");
  await until(redis, true);
  expect(await endOf(redis.call(timeoutMs, "SET", "key", "value"))).toBe("answered");
});

test("a Redis that was a replica for a while has another identity, although it never restarted", async () => {
  await using changing = await startRedis();
  await using other = await startRedis({ "repl-diskless-sync-delay": "0" });
  await using redis = redisClient(changing);
  await until(redis, true);
  const before = redis.identity;
  changing.cli("SET", "key", "new");
  other.cli("SET", "key", "old");
  changing.cli("REPLICAOF", "127.0.0.1", String(other.port));
  await expect.poll(() => changing.cli("GET", "key"), { timeout: 20_000 }).toBe("old");
  changing.cli("REPLICAOF", "NO", "ONE");
  await expect.poll(() => redis.usable && redis.identity !== before, { timeout: 20_000 }).toBe(true);
  expect(redis.identity).toBe(identityOf(changing));
  expect(redis.identity?.slice(0, 40)).toBe(before?.slice(0, 40));
});

test("a server that is part of a cluster is not taken for a single one", async () => {
  await using member = await startRedis({ "cluster-enabled": "yes", "cluster-port": String(await freePort()) });
  const reasons: string[] = [];
  await using _redis = redisClient(member, { onDisconnected: (why) => reasons.push(why) });
  await expect.poll(() => reasons).toContain("this Redis is part of a cluster: set REDIS_CLUSTER=true");
});

test("it uses the database it was told", async () => {
  await using redis = redisClient(server, { endpoint: { db: 3 } });
  await until(redis, true);
  await redis.call(timeoutMs, "SET", "key", "value");
  expect([server.cli("GET", "key"), server.cli("-n", "3", "GET", "key")]).toEqual(["", "value"]);
});

test("it knows the server's identity", async () => {
  await using redis = redisClient(server, { idle: true });
  expect(redis.identity).toBeUndefined();
  redis.start();
  await until(redis, true);
  expect(redis.identity).toBe(identityOf(server));
});

test("checks decide about a connection before anybody else may use it", async () => {
  await using redis = redisClient(server, { idle: true });
  const seen: unknown[] = [];
  redis.onReady(async (identity, commands) => {
    seen.push(identity === identityOf(server));
    seen.push(
      await commands.call(timeoutMs, "INCR", "checks"),
      await commands.script(timeoutMs, double, ["k"], [1]).then(String, String),
    );
    seen.push(redis.usable, await endOf(redis.call(timeoutMs, "GET", "checks")));
    return seen.length > 5;
  });
  redis.onReady(async () => {
    if (seen.length < 15) throw new Error("not yet");
    return true;
  });
  redis.start();
  await until(redis, true);
  const round = (n: number, script: string): unknown[] => [true, n, script, false, "disconnected"];
  const forgotten = "Error: NOSCRIPT No matching script. Please use EVAL.";
  expect(seen.slice(0, 5)).toEqual(round(1, forgotten));
  expect(seen.slice(5, 15)).toEqual([...round(2, "k,2"), ...round(3, "k,2")]);
  expect(await redis.call(timeoutMs, "GET", "checks")).toEqual(Buffer.from("3"));
});

test("at most 2,000 commands are under way", async () => {
  await using redis = redisClient(server);
  await until(redis, true);
  const ends = await Promise.all(Array.from({ length: 2_010 }, () => endOf(redis.call(1_000, "PING"))));
  expect(ends.filter((end) => end === "answered")).toHaveLength(2_000);
  expect(ends.slice(2_000)).toEqual(Array.from({ length: 10 }, () => "overload"));
  expect(await endOf(redis.call(timeoutMs, "PING"))).toBe("answered");
});

test("a disposed one answers nothing, and goes", async () => {
  const redis = redisClient(server);
  await until(redis, true);
  const under = endOf(redis.call(timeoutMs, "PING"));
  await redis[Symbol.asyncDispose]();
  expect([await under, redis.usable, await endOf(redis.call(timeoutMs, "PING"))]).toEqual([
    "disconnected",
    false,
    "disconnected",
  ]);
  await expect.poll(() => server.cli("CLIENT", "LIST")).not.toContain("name=om-messenger");
  redis.start();
  expect(redis.usable).toBe(false);
});
