import { once } from "node:events";
import { connect } from "node:net";
import { querySync, startRedis, type RedisServer } from "@om/services";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { startChatServer, type ChatServer, type TestUser } from "./fixtures/chat-server.ts";
import { operatorsFile } from "./fixtures/ops-files.ts";
import { migratedDatabase } from "./fixtures/migrated-database.ts";

// What docs/running.md tells operators, done on a living server.

const running = operatorsFile("docs/running.md");
const patient = { timeout: 20_000, interval: 20 };

let database: string;
let redis: RedisServer;
let server: ChatServer;
let ada: TestUser;
let ben: TestUser;
beforeAll(async () => {
  redis = await startRedis({ maxmemory: "100mb" });
  database = await migratedDatabase();
  server = await startChatServer({ DATABASE_URL: database, REDIS_URL: redis.url });
  [ada, ben] = [await server.register("ada"), await server.register("ben")];
  await server.open(ada);
  await server.open(ben);
  await server.post("/api/messages", ada, { recipient_id: ben.id, content: "Are you there?", client_id: "1" });
  await vi.waitFor(async () => {
    await read();
    expect(redis.cli("EXISTS", "conv:1:2", "convlist:2", "unread:2:1", "profile:1", "online:1")).toBe("5");
    expect(redis.cli("SCARD", "online:users")).toBe("2");
  }, patient);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

/** What ben is shown of ada's messages; his list and unread count are read as well. */
async function read(): Promise<string[]> {
  const { body } = await server.get(`/api/messages?recipient_id=${ada.id}`, ben);
  await server.get("/api/conversations", ben);
  await server.get(`/api/conversations/user_${ada.id}/unread`, ben);
  return (body as { messages: { content: string }[] }).messages.map(({ content }) => content);
}

/** The first line of MONITOR that has `text`, while histories are read. */
async function monitored(text: string): Promise<string> {
  const socket = connect(redis.port, "127.0.0.1");
  let lines = "";
  socket.on("data", (chunk) => (lines += chunk.toString()));
  await once(socket, "connect");
  socket.write("MONITOR\r\n");
  await vi.waitFor(async () => {
    await read();
    expect(lines).toContain(text);
  }, patient);
  socket.destroy();
  return lines.split("\r\n").find((line) => line.includes(text)) ?? "";
}

test("every command of the documents shows what they say", async () => {
  const shows: Record<string, (answer: () => string) => void | Promise<void>> = {
    ping: (answer) => expect(answer()).toBe("PONG"),
    "SMEMBERS online:users": (answer) => expect(answer().split("\n").toSorted()).toEqual(["1", "2"]),
    "SCARD online:users": (answer) => expect(answer()).toBe("2"),
    "GET conv:1:2": (answer) => expect(answer()).toContain("Are you there?"),
    "TTL conv:1:2": (answer) => {
      expect(Number(answer())).toBeGreaterThan(200);
      expect(Number(answer())).toBeLessThanOrEqual(300);
    },
    "INFO memory": (answer) => {
      expect(answer()).toMatch(/^used_memory:\d+/m);
      expect(answer()).toMatch(/^maxmemory:104857600/m);
      expect(answer()).toMatch(/^maxmemory_policy:noeviction/m);
    },
    DBSIZE: (answer) => expect(Number(answer())).toBeGreaterThan(8),
    "CLIENT LIST": (answer) => expect(answer()).toContain(" name=om-messenger "),
    "PUBSUB NUMSUB om:bus:0": (answer) => expect(answer()).toBe("om:bus:0\n1"),
    "ACL LOG": (answer) => expect(answer()).toBe(""),
    "SLOWLOG GET": (answer) => void answer(),
    MONITOR: async () => void (await monitored('"GETRANGE" "conv:1:2"')),
  };
  const [, table = ""] = /### Looking into it\n([^#]*)/.exec(running) ?? [];
  const documented = [...table.matchAll(/^\| `redis-cli ([^`]+)`/gm)].map(([, command = ""]) => command);
  expect(documented).toEqual(Object.keys(shows));
  for (const [command, check] of Object.entries(shows)) await check(() => redis.cli(...command.split(" ")));
  expect(redis.cli("TTL", "conv:1:3")).toBe("-2");
});

test("lives are those of the documents, and no longer", () => {
  const most: Record<string, number> = {
    "conv:1:2": 300,
    "convlist:2": 120,
    "unread:2:1": 60,
    "profile:1": 300,
    "online:1": 90,
  };
  for (const [key, seconds] of Object.entries(most)) {
    const left = Number(redis.cli("TTL", key));
    expect(left, key).toBeGreaterThan(0);
    expect(left, key).toBeLessThanOrEqual(seconds);
  }
  const keys = redis.cli("--scan").split("\n");
  const kinds = /^(conv|group|member|convlist|unread|profile|online|presence):/;
  expect(keys.filter((key) => !kinds.test(key))).toEqual([]);
});

test("no address, password, hash, token or key lies in Redis", async () => {
  await server.post("/api/groups", ada, { name: "walkers" });
  await read();
  const keys = redis.cli("--scan").split("\n");
  const values = keys.map((key) => {
    const type = redis.cli("TYPE", key);
    if (type === "set") return redis.cli("SMEMBERS", key);
    return type === "zset" ? redis.cli("ZRANGE", key, "0", "-1") : redis.cli("GET", key);
  });
  const all = [...keys, ...values].join("\n");
  expect(all).toContain("Are you there?");
  expect(all).not.toMatch(/@example\.org|a long password|\$argon2|\$2[aby]\$|a secret of the tests/);
  const secrets = querySync(database, "select token_hash from refresh_tokens").split("\n");
  for (const secret of [ada.token, ben.token, ...secrets]) expect(all).not.toContain(secret);
});

test("flushed at any time: reads stay right, and whoever is online is back", async () => {
  redis.cli("FLUSHDB");
  expect(await read()).toEqual(["Are you there?"]);
  await vi.waitFor(() => expect(redis.cli("SCARD", "online:users")).toBe("2"), patient);
  await vi.waitFor(async () => {
    await read();
    expect(redis.cli("EXISTS", "conv:1:2")).toBe("1");
  }, patient);
});

test("a row changed by hand shows; after TRUNCATE a new epoch does it", async () => {
  expect(await read()).toEqual(["Are you there?"]);
  querySync(database, "update messages set content = 'Hello'");
  await vi.waitFor(async () => expect(await read()).toEqual(["Hello"]), patient);
  const [, statement = ""] = /```sql\n(update cache_control [^`]+)```/.exec(running) ?? [];
  querySync(database, "truncate messages cascade");
  querySync(database, statement);
  await vi.waitFor(async () => expect(await read()).toEqual([]), patient);
});
