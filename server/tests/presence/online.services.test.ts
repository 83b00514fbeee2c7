import { startRedis, type RedisServer } from "@om/services";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { startChatServer, type ChatServer, type TestUser } from "../fixtures/chat-server.ts";
import { migratedDatabase } from "../fixtures/migrated-database.ts";

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(async () => {
  await redis[Symbol.asyncDispose]();
});
beforeEach(() => void redis.cli("FLUSHALL"));

const patient = { timeout: 20_000, interval: 20 };
const members = (): string[] => redis.cli("SMEMBERS", "online:users").split("\n").filter(Boolean).toSorted();
const idsOf = (...users: TestUser[]): string[] => users.map(({ id }) => String(id)).toSorted();

async function shown(server: ChatServer, viewer: TestUser, user: TestUser): Promise<unknown> {
  const { user: seen } = (await server.get(`/api/users/${user.id}`, viewer)).body as { user: Record<string, unknown> };
  return seen["presence"] ?? seen["is_online"];
}

const untilShown = (server: ChatServer, viewer: TestUser, user: TestUser, expected: unknown): Promise<void> =>
  vi.waitFor(async () => expect(await shown(server, viewer, user)).toBe(expected), patient);

async function metric(server: ChatServer): Promise<string | undefined> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return /^om_online_users (\d+)$/m.exec(text)?.[1];
}

test("two servers on one Redis: what redis-cli says, what either server shows, and what is left after a stop", async () => {
  const env = { DATABASE_URL: await migratedDatabase(), REDIS_URL: redis.url };
  await using a = await startChatServer(env);
  await using b = await startChatServer(env);
  const [ada, ben, eve] = [await a.register("ada"), await a.register("ben"), await a.register("eve")];
  for (const who of [ada, ben]) await a.post("/api/messages", who, { recipient_id: eve.id, content: "hi" });
  await a.post("/api/messages", eve, { recipient_id: ada.id, content: "hi" });
  const device = await a.open(ada);
  await a.open(ben);
  await b.open(ada);
  await vi.waitFor(() => expect(members()).toEqual(idsOf(ada, ben)), patient);
  expect(redis.cli("SCARD", "online:users")).toBe("2");
  for (const user of [ada, ben]) {
    expect(Number(redis.cli("TTL", `online:${user.id}`))).toBeGreaterThan(60);
    expect(Number(redis.cli("TTL", `online:${user.id}`))).toBeLessThanOrEqual(90);
  }
  expect(redis.cli("TTL", `online:${eve.id}`)).toBe("-2");
  for (const server of [a, b]) {
    await untilShown(server, eve, ada, true);
    await untilShown(server, eve, ben, true);
    await untilShown(server, ada, eve, false);
    expect(await metric(server)).toBe("2");
  }
  device.ws.close();
  await device.closed;
  await a.stop();
  // Ada is still on the other server.
  expect(members()).toEqual(idsOf(ada));
  await untilShown(b, eve, ada, true);
  await untilShown(b, eve, ben, false);
  await b.stop();
  // What tells nothing of who is there expires by itself.
  const left = redis.cli("KEYS", "*").split("\n");
  expect(left.filter((key) => !/^((profile|conv|convlist|unread):.+|presence:ver|)$/.test(key))).toEqual([]);
});

test("an answer asks Redis once, however many people it shows", async () => {
  const env = { DATABASE_URL: await migratedDatabase(), REDIS_URL: redis.url };
  await using server = await startChatServer(env);
  const [ada, ...others] = await Promise.all(
    ["ada", "ben", "cid", "dan", "eve", "fay"].map((one) => server.register(one)),
  );
  if (ada === undefined) throw new Error("nobody was registered");
  const { id } = (await server.post("/api/groups", ada, { name: "All of us" })).body;
  for (const other of others) {
    await server.post(`/api/groups/${String(id)}/members`, ada, { user_id: other.id });
    await server.post("/api/messages", other, { recipient_id: ada.id, content: "hi" });
    await server.post(`/api/groups/${String(id)}/messages`, other, { client_id: `g${other.id}`, content: "all" });
  }
  const asked: number[] = [];
  const reads = (): number => Number(/cmdstat_mget:calls=(\d+)/.exec(redis.cli("INFO", "commandstats"))?.[1] ?? 0);
  for (const path of [
    "/api/conversations",
    "/api/conversations/peers",
    "/api/changes",
    `/api/groups/${String(id)}/messages`,
    `/api/groups/${String(id)}/members`,
    `/api/messages/changes?conversation_id=group_${String(id)}`,
    "/api/users/search?q=e",
  ]) {
    // It is asked unless it was too slow just before, and never more than once.
    await vi.waitFor(async () => {
      const before = reads();
      expect((await server.get(path, ada)).status).toBe(200);
      asked.push(reads() - before);
      expect([path, asked.at(-1)]).toEqual([path, 1]);
    }, patient);
  }
  expect(Math.max(...asked)).toBe(1);
});

test("while Redis is away others are unknown and not offline, oneself is online; a block still hides all of it", async () => {
  await using own = await startRedis();
  await using server = await startChatServer({ REDIS_URL: own.url });
  const [ada, ben, foe] = [await server.register("ada"), await server.register("ben"), await server.register("foe")];
  await server.post("/api/messages", ben, { recipient_id: ada.id, content: "hi" });
  await server.post("/api/messages", ada, { recipient_id: ben.id, content: "hi" });
  await server.post(`/api/users/block/${ada.id}`, foe, {});
  await server.open(ada);
  await untilShown(server, ada, ben, false);
  own.pause();
  await untilShown(server, ada, ben, "unknown");
  expect(await shown(server, ben, ada)).toBe(true);
  expect(await shown(server, ada, foe)).toBe(false);
  const list = (await server.get("/api/conversations", ada)).body["conversations"];
  expect(list).toMatchObject([{ peer: { id: ben.id, is_online: false, presence: "unknown" } }]);
  expect(await metric(server)).toBe("1");
  own.resume();
  await untilShown(server, ada, ben, false);
});
