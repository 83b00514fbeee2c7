import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer as listen, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "node:tls";
import { freePort, startFaultProxy, startOmServer, startRedis } from "@om/services";
import { expect, test } from "vitest";
import { parseConfig } from "../config.ts";
import { openRedis, type OpenRedis } from "./open-redis.ts";
import { createLogger } from "../platform/telemetry/logger.ts";
import { createTelemetry, type Telemetry } from "../platform/telemetry/telemetry.ts";
import { selfSigned } from "../../tests/fixtures/self-signed.ts";
import { until } from "../../tests/fixtures/redis-clients.ts";

/** A Redis opened by settings, with the lines that it logs. */
function open(
  env: Record<string, string>,
): OpenRedis & { lines: () => { level: string; msg: string }[]; log: () => string; telemetry: Telemetry } {
  let text = "";
  const log = createLogger("trace", { write: (line) => void (text += line) });
  const telemetry = { ...createTelemetry({ logLevel: "silent", logFrameSizes: false, now: Date.now }), log };
  const opened = openRedis(parseConfig(env), telemetry);
  if (opened === undefined) throw new Error("nothing was opened");
  const lines = () =>
    text
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as { level: string; msg: string })
      .map(({ level, msg }) => ({ level, msg }));
  return { ...opened, lines, log: () => text, telemetry };
}

const failed = (why: string) => ({
  level: "warn",
  msg: `WARNING: Redis connection failed: ${why}. Running without cache.`,
});
const connected = { level: "info", msg: "Redis cache connected successfully" };
const advice = (now: string) => ({
  level: "warn",
  msg: `Redis has ${now}; advisable are maxmemory 2gb and allkeys-lru or volatile-lru`,
});
const untuned = advice("maxmemory no limit and the policy noeviction");
const metric = async ({ metrics }: Telemetry, name: string): Promise<unknown> =>
  (await metrics.registry.getSingleMetric(name)?.get())?.values[0]?.value;

test("a server starts without its Redis, says so once and uses it when it is there; no secret is logged", async () => {
  const port = await freePort();
  const REDIS_URL = `redis://default:hunter%2F2@127.0.0.1:${port}/1`;
  await using server = await startOmServer({ REDIS_URL, LOG_LEVEL: "debug" });
  const told = (text: string): number => server.output().split(text).length - 1;
  expect(told(failed("connection refused").msg)).toBe(1);
  await using _redis = await startRedis({ port: `${port}`, requirepass: "hunter/2" });
  await expect.poll(() => told(connected.msg), { timeout: 10_000 }).toBe(1);
  await expect.poll(() => told(untuned.msg)).toBe(1);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  expect(metrics).toContain("om_redis_usable 1");
  expect(await server.stop()).toBe(0);
  expect(told("WARNING: Redis")).toBe(1);
  expect(server.output()).not.toMatch(/hunter|default:/);
});

test("nothing is opened, and no metric exists, when nothing is set", () => {
  const telemetry = createTelemetry({ logLevel: "silent", logFrameSizes: false, now: Date.now });
  expect(openRedis(parseConfig({}), telemetry)).toBeUndefined();
  expect(telemetry.metrics.registry.getSingleMetric("om_redis_usable")).toBeUndefined();
});

test("REDIS_ADDR, REDIS_PASSWORD and REDIS_DB; what it says and counts while all is well", async () => {
  await using server = await startRedis({
    requirepass: "hunter2",
    maxmemory: "3gb",
    "maxmemory-policy": "volatile-lru",
  });
  await using opened = open({ REDIS_ADDR: `127.0.0.1:${server.port}`, REDIS_PASSWORD: "hunter2", REDIS_DB: "2" });
  await opened.connect();
  expect(opened.redis.usable).toBe(true);
  await opened.redis.call(200, "SET", "key", "private value");
  expect(server.cli("-n", "2", "GET", "key")).toBe("private value");
  await expect(opened.redis.call(200, "LPUSH", "key", "private value")).rejects.toThrow("WRONGTYPE");
  await expect.poll(() => metric(opened.telemetry, "om_redis_memory_max_bytes")).toBe(3 * 1_024 ** 3);
  expect(await metric(opened.telemetry, "om_redis_memory_bytes")).toBeGreaterThan(100_000);
  expect(await metric(opened.telemetry, "om_redis_evicted_keys")).toBe(0);
  expect(await metric(opened.telemetry, "om_redis_usable")).toBe(1);
  expect(await metric(opened.telemetry, "om_redis_breaker")).toBe(0);
  expect(await metric(opened.telemetry, "om_redis_failures_total")).toBe(1);
  const [seconds] =
    (await opened.telemetry.metrics.registry.getSingleMetric("om_redis_call_seconds")?.get())?.values ?? [];
  expect(seconds?.value).toBeDefined();
  expect(opened.lines()).toMatchObject([connected]);
  expect(opened.log()).not.toMatch(/hunter2|private value/);
});

test("a hung Redis does not keep the start waiting for long, and is told once", async () => {
  await using server = await startRedis();
  server.pause();
  await using opened = open({ REDIS_URL: server.url });
  await opened.connect();
  expect(opened.lines()).toMatchObject([
    {
      level: "warn",
      msg: expect.stringMatching(/^WARNING: Redis connection failed: .*\. Running without cache\.$/) as string,
    },
  ]);
  server.resume();
  await until(opened.redis, true);
  await expect.poll(() => opened.lines()).toMatchObject([{ level: "warn" }, connected, untuned]);
});

test("the start waits for a second at most, whatever the connection is waiting for", async () => {
  await using server = await startRedis();
  await using opened = open({ REDIS_URL: server.url });
  let letThrough: (good: boolean) => void = () => undefined;
  opened.redis.onReady(() => new Promise((resolve) => (letThrough = resolve)));
  await opened.connect();
  expect(opened.lines()).toMatchObject([failed("no answer")]);
  letThrough(true);
  await until(opened.redis, true);
  expect(opened.lines()).toMatchObject([failed("no answer"), connected]);
});

test("an outage is told once, and its end", async () => {
  await using server = await startRedis({ maxmemory: "64mb", "maxmemory-policy": "allkeys-lru" });
  await using proxy = await startFaultProxy(server.port);
  await using opened = open({ REDIS_ADDR: proxy.address });
  await opened.connect();
  await expect
    .poll(() => opened.lines())
    .toMatchObject([connected, advice("maxmemory 64mb and the policy allkeys-lru")]);
  proxy.mode("refuse");
  await until(opened.redis, false);
  await expect.poll(() => proxy.counts().accepted, { timeout: 20_000 }).toBeGreaterThan(5);
  proxy.mode("pass");
  await until(opened.redis, true);
  expect(opened.lines().slice(2)).toMatchObject([failed("connection reset"), connected]);
});

test("a wrong password is told, not shown, and tried again until it is right", async () => {
  await using server = await startRedis({ requirepass: "right" });
  await using opened = open({ REDIS_URL: `redis://:hunter2@127.0.0.1:${server.port}` });
  await opened.connect();
  expect(opened.lines()).toMatchObject([failed("WRONGPASS invalid username-password pair or user is disabled.")]);
  server.cli("CONFIG", "SET", "requirepass", "hunter2");
  await until(opened.redis, true);
  expect(opened.log()).not.toContain("hunter2");
});

test("a missing password is told; one that is not needed does no harm", async () => {
  await using guarded = await startRedis({ requirepass: "right" });
  await using without = open({ REDIS_ADDR: `127.0.0.1:${guarded.port}` });
  await without.connect();
  expect(without.lines()).toMatchObject([failed("NOAUTH Authentication required.")]);
  await using unguarded = await startRedis();
  await using needless = open({ REDIS_ADDR: `127.0.0.1:${unguarded.port}`, REDIS_PASSWORD: "hunter2" });
  await needless.connect();
  expect(needless.lines()).toMatchObject([connected]);
});

test("a user of the access rules; one who may too little is told what is missing", async () => {
  await using server = await startRedis();
  const rules = ["on", ">hunter2", "~*", "+@read", "+@write", "+@scripting", "+@connection"];
  server.cli("ACL", "SETUSER", "om", ...rules, "+info");
  server.cli("ACL", "SETUSER", "poor", ...rules);
  await using opened = open({ REDIS_URL: `redis://om@127.0.0.1:${server.port}`, REDIS_PASSWORD: "hunter2" });
  await opened.connect();
  await expect.poll(() => opened.lines()).toMatchObject([connected, untuned]);
  await using poor = open({ REDIS_URL: `redis://poor:hunter2@127.0.0.1:${server.port}` });
  await poor.connect();
  expect(poor.lines()[0]?.msg).toMatch(/NOPERM .*'info'/);
  expect(poor.log()).not.toContain("hunter2");
});

test("a Redis that is too old is said to be, and used once it is newer", async () => {
  await using server = await startRedis();
  let major = "5";
  const older = listen((client) => {
    const behind = connect({ port: server.port, host: "127.0.0.1" });
    client.pipe(behind).on("error", () => client.destroy());
    client.on("error", () => behind.destroy());
    behind.on("data", (reply) => {
      const text = reply.toString("latin1").replace(/(redis_version:)\d/, `$1${major}`);
      client.write(text, "latin1");
    });
    behind.on("end", () => client.end());
  }).listen(0, "127.0.0.1");
  await once(older, "listening");
  await using opened = open({ REDIS_ADDR: `127.0.0.1:${(older.address() as AddressInfo).port}` });
  await opened.connect();
  expect(opened.lines().map(({ msg }) => msg)).toEqual([
    expect.stringMatching(
      /^WARNING: Redis connection failed: this Redis is 5\.\d+\.\d+, which is too old: use 6\.2 or newer\. Running without cache\.$/,
    ),
  ]);
  expect(opened.redis.usable).toBe(false);
  major = "7";
  await until(opened.redis, true);
  older.close();
});

test("over TLS, with an authority of one's own", async () => {
  const folder = mkdtempSync(join(tmpdir(), "om-tls-"));
  const [file, other] = [join(folder, "ca.pem"), join(folder, "other.pem")];
  const pair = selfSigned();
  writeFileSync(file, pair.cert);
  writeFileSync(other, "no certificate");
  await using server = await startRedis();
  const tls = createServer(pair, (socket) => {
    const behind = connect({ port: server.port, host: "127.0.0.1" });
    socket
      .on("error", () => behind.destroy())
      .pipe(behind)
      .pipe(socket);
    behind.on("error", () => socket.destroy());
  }).listen(0, "127.0.0.1");
  await once(tls, "listening");
  const REDIS_URL = `rediss://127.0.0.1:${(tls.address() as AddressInfo).port}`;
  try {
    await using opened = open({ REDIS_URL, REDIS_CA_FILE: file });
    await opened.connect();
    expect(opened.lines()[0]).toMatchObject(connected);
    expect(await opened.redis.call(200, "SET", "key", Buffer.from("value"))).toEqual(Buffer.from("OK"));
    await using distrustful = open({ REDIS_URL });
    await distrustful.connect();
    expect(distrustful.lines()).toMatchObject([failed("self-signed certificate")]);
  } finally {
    tls.close();
    rmSync(folder, { recursive: true });
  }
});
