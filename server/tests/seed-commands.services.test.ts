import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { decode } from "@msgpack/msgpack";
import { ensureBinaries, startRedis, type RedisServer } from "@om/services";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { startChatServer, type ChatServer, type TestUser } from "./fixtures/chat-server.ts";

/*
 * What the first server's documents tell operators to type, each line against a server that is in use: its section on monitoring,
 * redis-cli where it speaks of tests, memory, low hit rates and failed connections, and what it announced for later.
 */
let redis: RedisServer;
let server: ChatServer;
let [ada, ben]: TestUser[] = [];
const patient = { timeout: 20_000, interval: 20 };

beforeAll(async () => {
  redis = await startRedis({ maxmemory: "2gb", "maxmemory-policy": "allkeys-lru" });
  server = await startChatServer({ REDIS_URL: redis.url, USER_LIMITS: "1000", AUTH_LIMIT: "1000" });
  await vi.waitFor(async () => expect(await metric("om_cache_mode")).toBe(2), patient);
  [ada, ben] = [await server.register("ada"), await server.register("ben")];
  await server.open(someone(ada));
  await server.open(someone(ben));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

function someone(user: TestUser | undefined): TestUser {
  if (user === undefined) throw new Error("nobody has registered yet");
  return user;
}

async function metric(name: string, label = ""): Promise<number> {
  const lines = (await (await fetch(`${server.url}/metrics`)).text()).split("\n");
  const own = lines.filter((line) => line.startsWith(name) && line.includes(label));
  return own.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

/** The bytes themselves; redis-cli ends what it prints with a line break. */
const printed = (...words: string[]): Uint8Array =>
  execFileSync(ensureBinaries("redis").companion, ["-p", String(redis.port), ...words]).subarray(0, -1);
const type = (...words: string[]): string => redis.cli(...words);

/** Both have written to each other, and look at it. */
async function chat(): Promise<void> {
  const [a, b] = [someone(ada), someone(ben)];
  await server.post("/api/messages", a, { recipient_id: b.id, content: "Are you there?" });
  await server.post("/api/messages", b, { recipient_id: a.id, content: "Yes! Half past seven?" });
  await look();
}

async function look(): Promise<void> {
  const [a, b] = [someone(ada), someone(ben)];
  for (const [who, other] of [
    [a, b],
    [b, a],
  ] as const) {
    await server.get(`/api/messages?recipient_id=${other.id}`, who);
    await server.get("/api/conversations", who);
    await server.get(`/api/conversations/user_${other.id}/unread`, who);
  }
}

/** Resolves when everything that was looked at is kept: an entry of 48 bytes is empty, and waits for who has promised to fill it. */
const untilKept = (): Promise<void> =>
  vi.waitFor(async () => {
    await look();
    const keys = ["conv:1:2", "convlist:1", "convlist:2", "unread:1:2", "unread:2:1", "profile:1", "profile:2"];
    expect(keys.filter((key) => Number(type("STRLEN", key)) <= 48)).toEqual([]);
  }, patient);

beforeEach(async () => {
  await chat();
  await untilKept();
});

test("the first two users are 1 and 2, as in the documents", () => {
  expect([someone(ada).id, someone(ben).id]).toEqual([1, 2]);
});

test("redis-cli SMEMBERS online:users", async () => {
  await vi.waitFor(() => expect(type("SMEMBERS", "online:users").split("\n").toSorted()).toEqual(["1", "2"]), patient);
});

test("redis-cli SCARD online:users", async () => {
  await vi.waitFor(() => expect(type("SCARD", "online:users")).toBe("2"), patient);
  expect(await metric("om_online_users")).toBe(2);
});

test("redis-cli GET conv:1:2: one msgpack array that any decoder reads, with the newest messages", async () => {
  const [ver, pend, token, until, epoch, hasBody, head, ...records] = decode(printed("GET", "conv:1:2")) as [
    ...[number, number, Uint8Array, number, number, boolean, unknown[]],
    ...unknown[][],
  ];
  expect([pend, token.length, hasBody, epoch > 0, until > Date.now()]).toEqual([ver, 8, true, true, true]);
  expect(head.slice(0, 2)).toEqual(["h", "h2"]);
  expect(head.slice(3, 5)).toEqual([1, 2]);
  const contents = records.filter(([kind]) => kind === "m").map((record) => record[7]);
  expect(contents.slice(-2)).toEqual(["Are you there?", "Yes! Half past seven?"]);
  const history = (await server.get("/api/messages?recipient_id=2", someone(ada))).body;
  expect(history["ver"]).toBe(ver);
  expect(type("GET", "conv:1:3")).toBe("");
});

test.each([
  ["conv:1:2", 300],
  ["convlist:1", 120],
  ["convlist:2", 120],
  ["unread:1:2", 60],
  ["unread:2:1", 60],
  ["profile:1", 300],
  ["online:1", 90],
  ["online:2", 90],
])("redis-cli TTL %s: more than 0 and at most %i seconds", async (key, seconds) => {
  await vi.waitFor(async () => {
    await look();
    const ttl = Number(type("TTL", key));
    expect(ttl).toBeGreaterThan(0);
    expect(ttl).toBeLessThanOrEqual(seconds);
  }, patient);
});

test("redis-cli TTL of what is not there, and of the set of those online", () => {
  expect(type("TTL", "conv:1:999")).toBe("-2");
  expect(type("TTL", "online:users")).toBe("-1");
});

test("redis-cli INFO memory", () => {
  const lines = type("INFO", "memory")
    .split("\n")
    .map((line) => line.trim());
  expect(Number(lines.find((line) => line.startsWith("used_memory:"))?.slice(12))).toBeGreaterThan(100_000);
  expect(lines).toContain("maxmemory:2147483648");
  expect(lines).toContain("maxmemory_policy:allkeys-lru");
});

test("redis-cli MONITOR shows what a request asks of Redis", async () => {
  const monitor = spawn(ensureBinaries("redis").companion, ["-p", String(redis.port), "MONITOR"]);
  let [shown, asked] = ["", 0];
  monitor.stdout.setEncoding("utf8").on("data", (chunk: string) => (shown += chunk));
  while (!shown.startsWith("OK")) await once(monitor.stdout, "data");
  await vi.waitFor(async () => {
    // At the same address a kept answer would be given, for which nothing is read but the header.
    await server.get(`/api/messages?recipient_id=2&asked=${(asked += 1)}`, someone(ada));
    expect(shown).toMatch(/ \[0 127\.0\.0\.1:\d+\] "GETRANGE" "conv:1:2" "0" "\d+"/);
  }, patient);
  monitor.kill();
  await once(monitor, "exit");
});

test("redis-cli KEYS '*' and DBSIZE: keys as they are written down, and no others", async () => {
  await vi.waitFor(() => expect(type("SCARD", "online:users")).toBe("2"), patient);
  await readersOfFirst();
  const keys = type("KEYS", "*").split("\n");
  const known = [
    /^conv:\d+:\d+$/,
    /^convlist:\d+$/,
    /^unread:\d+:\d+$/,
    /^profile:(ver|\d+)$/,
    /^online:(users|\d+)$/,
    /^presence:(nodes|ver|node:.+|user:\d+)$/,
    /^read:\d+$/,
    /^rate:(user:\d+:(minute|buckets)|address:[\w-]{22}:auth)$/,
  ];
  expect(keys.filter((key) => !known.some((pattern) => pattern.test(key)))).toEqual([]);
  for (const pattern of known) expect([pattern, keys.some((key) => pattern.test(key))]).toEqual([pattern, true]);
  expect(Number(type("DBSIZE"))).toBe(keys.length);
});

/** What Redis keeps of who has read the first message, once somebody has asked. */
async function readersOfFirst(): Promise<unknown[]> {
  await server.post(`/api/conversations/${someone(ada).id}/read`, someone(ben), {});
  return vi.waitFor(async () => {
    await server.post("/api/messages", someone(ada), { recipient_id: 2, content: "Another version" });
    await server.get("/api/messages/1/receipts", someone(ada));
    return decode(printed("GET", "read:1")) as unknown[];
  }, patient);
}

test("redis-cli GET read:1: who has read a message, behind the version of it", async () => {
  const [version, ...users] = await readersOfFirst();
  expect([typeof version, users]).toEqual(["string", [2]]);
  const ttl = Number(type("TTL", "read:1"));
  expect([ttl > 0, ttl <= 60]).toEqual([true, true]);
});

test("redis-cli INCR and EXPIRE rate:user:1:minute: what a user has done in a minute, one more, and a minute more", async () => {
  await vi.waitFor(async () => {
    await look();
    expect(Number(type("GET", "rate:user:1:minute"))).toBeGreaterThan(2);
  }, patient);
  const ttl = Number(type("TTL", "rate:user:1:minute"));
  expect([ttl > 0, ttl <= 60]).toEqual([true, true]);
  const before = Number(type("GET", "rate:user:1:minute"));
  expect(Number(type("INCR", "rate:user:1:minute"))).toBeGreaterThan(before);
  expect(type("EXPIRE", "rate:user:1:minute", "60")).toBe("1");
});

test("redis-cli ping", () => {
  expect(type("ping")).toBe("PONG");
  expect(type("PING")).toBe("PONG");
});

test("repeated queries are answered from the cache", async () => {
  await vi.waitFor(async () => {
    const before = await metric("om_answers_total", 'result="proven"');
    await look();
    expect(await metric("om_answers_total", 'result="proven"')).toBeGreaterThanOrEqual(before + 3);
  }, patient);
});

test("redis-cli FLUSHDB, at any time: nothing is lost, what is read is kept again, and who is online is back", async () => {
  const a = someone(ada);
  const before = (await server.get("/api/messages?recipient_id=2", a)).body;
  expect(type("FLUSHDB")).toBe("OK");
  expect((await server.get("/api/messages?recipient_id=2", a)).body["messages"]).toEqual(before["messages"]);
  await untilKept();
  await vi.waitFor(() => expect(type("SMEMBERS", "online:users").split("\n").toSorted()).toEqual(["1", "2"]), patient);
});

test("whoever disconnects is taken out of online:users", async () => {
  await server.closeSockets();
  await vi.waitFor(
    () => expect([type("SCARD", "online:users"), type("EXISTS", "online:1", "online:2")]).toEqual(["0", "0"]),
    patient,
  );
});
