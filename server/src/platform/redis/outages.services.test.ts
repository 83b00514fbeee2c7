import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { freePort, startFaultProxy, startRedis, type FaultProxy, type RedisServer } from "@om/services";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { endOf, redisClient, until } from "../../../tests/fixtures/redis-clients.ts";
import type { RedisClient } from "./redis-client.ts";

let server: RedisServer;
let proxy: FaultProxy;
let redis: RedisClient;
let reasons: string[];
const uncaught: unknown[] = [];
const note = (error: unknown): void => void uncaught.push(error);

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(async () => {
  uncaught.length = 0;
  process.on("uncaughtException", note);
  process.on("unhandledRejection", note);
  reasons = [];
  proxy = await startFaultProxy(server.port);
  redis = redisClient(proxy, { onDisconnected: (why) => reasons.push(why) });
  await until(redis, true);
});
afterEach(async () => {
  server.resume();
  await redis[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
  process.removeListener("uncaughtException", note);
  process.removeListener("unhandledRejection", note);
  expect(uncaught).toEqual([]);
});

const timeoutMs = 200;
const ask = (): Promise<string> => endOf(redis.call(timeoutMs, "PING"));

test("a hung Redis costs a few callers their deadline and the others nothing; when it wakes it is used again", async () => {
  server.pause();
  const started = performance.now();
  const together = await Promise.all(Array.from({ length: 40 }, () => endOf(redis.call(10, "GET", "key"))));
  expect(performance.now() - started).toBeGreaterThanOrEqual(10);
  expect(together).toEqual(Array.from({ length: 40 }, () => "timeout"));
  // What is late together is late once.
  expect([redis.usable, redis.breaker]).toEqual([true, "closed"]);
  // Where this machine stands still for too long, the connection is given up before.
  const later: string[] = [];
  while (redis.usable) later.push(await endOf(redis.call(10, "GET", "key")));
  expect(later.length).toBeLessThanOrEqual(4);
  const turns: string[] = [];
  setImmediate(() => turns.push("the loop has turned"));
  turns.push(await endOf(redis.call(10, "GET", "key")));
  expect([["open"], ["disconnected"]]).toContainEqual(turns);
  await expect.poll(() => reasons).toContain("no answer for 250 ms");
  server.resume();
  await until(redis, true);
  expect([await ask(), redis.breaker]).toEqual(["answered", "closed"]);
});

test("one command without answer is enough to give up its connection", async () => {
  proxy.mode("drop");
  const late = await endOf(redis.call(10, "GET", "key"));
  expect([late, redis.breaker, redis.usable]).toEqual(["timeout", "closed", true]);
  const lost = endOf(redis.call(60_000, "GET", "key"));
  await until(redis, false);
  expect([await lost, redis.breaker]).toEqual(["disconnected", "closed"]);
  proxy.mode("pass");
  await until(redis, true);
  expect(await ask()).toBe("answered");
});

test.each(["refuse", "reset", { cut: 0 }, { cut: 3 }] as const)(
  "what is under way fails at %j, and it comes back",
  async (fault) => {
    proxy.mode(fault);
    const gone = until(redis, false);
    expect(await ask()).toBe("disconnected");
    await gone;
    proxy.mode("pass");
    await until(redis, true);
    expect(await ask()).toBe("answered");
  },
);

test("while nothing answers it fails at once, and keeps trying", async () => {
  proxy.mode("blackhole");
  const before = proxy.counts().accepted;
  await endOf(redis.call(10, "PING"));
  await until(redis, false);
  await expect.poll(() => proxy.counts().accepted - before, { timeout: 10_000 }).toBeGreaterThan(2);
  expect(["open", "disconnected"]).toContain(await ask());
  proxy.mode("pass");
  await until(redis, true);
});

test("killed and started again it is another server, with the scripts and checks of a new connection", async () => {
  const identity = redis.identity;
  const checked: string[] = [];
  redis.onReady(async (id) => checked.push(id) > 0);
  const gone = until(redis, false);
  await server.kill();
  await gone;
  expect([redis.identity, await ask()]).toEqual([undefined, "disconnected"]);
  await server.start();
  await until(redis, true);
  expect(redis.identity).not.toBe(identity);
  expect(checked).toEqual([redis.identity]);
});

test("down when it starts: it says why once per second at most, and connects when there is a Redis", async () => {
  const said: { why: string; at: number }[] = [];
  const dead = { port: await freePort() };
  const options = { onDisconnected: (why: string) => said.push({ why, at: performance.now() }), random: () => 0 };
  await using early = redisClient(dead, options);
  await expect.poll(() => said.length, { timeout: 5_000 }).toBe(2);
  expect(said[0]?.why).toBe("connection refused");
  expect((said[1]?.at ?? 0) - (said[0]?.at ?? 0)).toBeGreaterThanOrEqual(999);
  await using late = await startRedis({ port: `${dead.port}` });
  await until(early, true);
  expect(late.cli("CLIENT", "LIST")).toContain("name=om-messenger");
});

test("an event loop that stood still does not count as a Redis that is late", async () => {
  // Straight to the server: the proxy of this process would stand still too.
  await using direct = redisClient(server);
  await until(direct, true);
  const call = (): Promise<string> => endOf(direct.call(10, "GET", "key"));
  const standStill = (): void => {
    const end = performance.now() + 300;
    while (performance.now() < end);
  };
  // Before and after the commands have left.
  const before = [call(), call()];
  standStill();
  expect(await Promise.all(before)).toEqual(["answered", "answered"]);
  const after = [call(), call()];
  await new Promise((left) => process.nextTick(left));
  await new Promise((left) => setImmediate(left));
  const more = [call(), call()];
  await Promise.resolve();
  process.nextTick(standStill);
  expect(await Promise.all([...after, ...more])).toEqual(Array.from({ length: 4 }, () => "answered"));
  expect([direct.usable, direct.breaker]).toEqual([true, "closed"]);
});

test.each([
  ["another protocol", "HTTP/1.1 400 Bad Request\r\n\r\n"],
  ["answers that nobody asked for", "+OK\r\n".repeat(50)],
  ["an answer of impossible length", "$-5\r\n$99999999999999999999\r\n"],
  ["nothing but its end", ""],
])("a server that says %s is left, and tried again", async (_, text) => {
  let accepted = 0;
  const other = createServer((socket) => {
    accepted += 1;
    socket.on("error", () => undefined);
    socket.end(text);
  }).listen(0, "127.0.0.1");
  await once(other, "listening");
  const said: string[] = [];
  await using lost = redisClient(other.address() as AddressInfo, { onDisconnected: (why) => said.push(why) });
  await expect.poll(() => accepted, { timeout: 5_000 }).toBeGreaterThan(3);
  expect([lost.usable, said.length > 0]).toEqual([false, true]);
  other.close();
});
