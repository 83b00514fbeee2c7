import { querySync, startRedis, type RedisServer } from "@om/services";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startChatServer, type ChatServer, type TestUser } from "./fixtures/chat-server.ts";
import { migratedDatabase } from "./fixtures/migrated-database.ts";

/*
 * What a node has shown it does not take back, also if it read it past the cache. A change without mark and without note, which only
 * these tests make, shows whether an answer comes from the cache.
 */

let redis: RedisServer;
let server: ChatServer;
let url = "";
let ada: TestUser;
let ben: TestUser;
let messages: number[];

beforeAll(async () => {
  redis = await startRedis();
  url = await migratedDatabase();
  server = await startChatServer({ DATABASE_URL: url, REDIS_URL: redis.url });
  [ada, ben] = [await server.register("ada"), await server.register("ben")];
  messages = [];
  for (const content of ["one", "two"]) {
    const sent = await server.post("/api/messages", ada, { recipient_id: ben.id, content });
    messages.push(Number(sent.body["id"]));
  }
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

const unnoticed = (sql: string): string => querySync(url, `set om.marked = '1'; ${sql}`);
const get = async (path: string): Promise<string> => JSON.stringify((await server.get(path, ada)).body);
const history = (): Promise<string> => get(`/api/messages?recipient_id=${ben.id}`);
const list = (): Promise<string> => get("/api/conversations");
/** Until it is served from the cache. */
const warm = async (key: string, read: () => Promise<string>): Promise<void> => {
  await expect.poll(async () => (await read(), redis.cli("STRLEN", key)), { timeout: 10_000 }).not.toBe("0");
};

/** When Redis takes longer than its deadline the answer comes from PostgreSQL, and shows what nobody was to notice. */
const late = { retry: 2 };

test.each([
  ["an older page", () => get(`/api/messages?recipient_id=${ben.id}&cursor=${messages[1]}`)],
  ["changes since a version", () => get(`/api/messages/changes?conversation_id=user_${ben.id}&ver=0`)],
])("%s shows a version of the conversation: the newest page is of no older one", late, async (_, read) => {
  const text = `changed ${Math.random()}`;
  await warm(`conv:${ada.id}:${ben.id}`, history);
  unnoticed(
    `update messages set content = '${text}' where id = ${messages[1]}; update conversations set ver = ver + 1`,
  );
  expect(await history()).not.toContain(text);
  await read();
  expect(await history()).toContain(text);
});

test.each([
  ["a long list", () => get("/api/conversations?limit=100")],
  ["all changes", () => get("/api/changes")],
])("%s shows a version of the list: its first page is of no older one", late, async (_, read) => {
  const text = `changed ${Math.random()}`;
  await warm(`convlist:${ada.id}`, list);
  unnoticed(
    `update messages set content = '${text}' where id = ${messages[1]}; update user_state set list_ver = list_ver + 1`,
  );
  expect(await list()).not.toContain(text);
  await read();
  expect(await list()).toContain(text);
});

test("a long list shows a version of a profile: neither the short list nor the user is of an older one", async () => {
  const name = `Ben ${Math.random()}`;
  const user = (): Promise<string> => get(`/api/users/${ben.id}`);
  await warm(`profile:${ben.id}`, list);
  unnoticed(`update users set full_name = '${name}', ver = ver + 1 where id = ${ben.id}`);
  expect(await list()).not.toContain(name);
  expect(await user()).not.toContain(name);
  expect(await get("/api/conversations?limit=100")).toContain(name);
  expect(await list()).toContain(name);
  expect(await user()).toContain(name);
});
