import { decode, encode } from "@msgpack/msgpack";
import { startPostgres, startRedis, type PostgresServer, type RedisServer } from "@om/services";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { redisClient, until } from "../fixtures/redis-clients.ts";
import { startChatServer, type ChatServer, type TestUser } from "../fixtures/chat-server.ts";

let postgres: PostgresServer;
let redis: RedisServer;
let server: ChatServer;
let database: string;
beforeAll(async () => {
  [postgres, redis] = [await startPostgres(), await startRedis()];
  database = postgres.createDatabase();
  server = await startChatServer({ DATABASE_URL: database, REDIS_URL: redis.url });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await Promise.all([redis[Symbol.asyncDispose](), postgres[Symbol.asyncDispose]()]);
});

let rounds = 0;
/** A group of Ada, its admin, Ben and Eve, with one message of Ada. */
async function groupOfThree() {
  rounds += 1;
  // Their ids ascend.
  const ada = await server.register(`ada_${rounds}`);
  const ben = await server.register(`ben_${rounds}`);
  const eve = await server.register(`eve_${rounds}`);
  const group = Number((await server.post("/api/groups", ada, { name: "Three" })).body["id"]);
  for (const { id } of [ben, eve]) await server.post(`/api/groups/${group}/members`, ada, { user_id: id });
  const tell = async (from: TestUser, content: string): Promise<number> =>
    Number((await server.post(`/api/groups/${group}/messages`, from, { client_id: content, content })).body["id"]);
  const read = (who: TestUser, id: number) =>
    server.post(`/api/groups/${group}/read`, who, { last_read_message_id: id });
  return { ada, ben, eve, group, tell, read, message: await tell(ada, `first ${rounds}`) };
}

async function readers(id: number, who: TestUser, query = ""): Promise<unknown> {
  const { status, body } = await server.get(`/api/messages/${id}/receipts${query}`, who);
  return status === 200 ? body["readers"] : body["code"];
}

test("in a group whoever sees a message is told who has read it, in pages, as soon as it was read", async () => {
  const { ada, ben, eve, tell, read, message } = await groupOfThree();
  expect(await readers(message, ada)).toEqual([]);
  await read(eve, message);
  const second = await tell(ben, `second ${rounds}`);
  expect([await readers(message, ada), await readers(message, ben), await readers(second, ada)]).toEqual([
    [eve.id],
    [eve.id],
    [],
  ]);
  await read(ben, second);
  await read(ada, second);
  expect([await readers(message, eve), await readers(second, eve)]).toEqual([[ben.id, eve.id], [ada.id]]);
  const page = (query: string) => server.get(`/api/messages/${message}/receipts${query}`, ada);
  const first = { message_id: message, read_count: 2, readers: [ben.id], next_cursor: ben.id };
  expect((await page("?limit=1")).body).toEqual(first);
  expect((await page(`?limit=1&cursor=${ben.id}`)).body).toEqual({
    message_id: message,
    read_count: 2,
    readers: [eve.id],
  });
  expect([await readers(message, ada, "?cursor=x"), await readers(message, ada, "?cursor=-1")]).toEqual([
    "invalid_cursor",
    "invalid_cursor",
  ]);
});

test("between two people the reader is the other one", async () => {
  const { ada, ben } = await groupOfThree();
  const { id } = (await server.post("/api/messages", ada, { recipient_id: ben.id, content: "Hello" })).body;
  expect(await readers(Number(id), ada)).toEqual([]);
  await server.post(`/api/conversations/${ada.id}/read`, ben, {});
  expect([await readers(Number(id), ada), await readers(Number(id), ben)]).toEqual([[ben.id], [ben.id]]);
});

test("who joined later, has left, or clears the group; a deleted message and foreign eyes", async () => {
  const { ada, ben, eve, group, tell, read, message } = await groupOfThree();
  const late = await server.register(`late_${rounds}`);
  expect(await readers(message, late)).toBe("message_not_found");
  await server.post(`/api/groups/${group}/members`, ada, { user_id: late.id });
  const second = await tell(ada, `second ${rounds}`);
  await read(late, second);
  expect([await readers(message, late), await readers(second, ada)]).toEqual([[], [late.id]]);
  await read(ben, second);
  await server.remove(`/api/conversations/group_${group}`, eve);
  expect([await readers(second, ada), await readers(second, eve)]).toEqual([
    [ben.id, eve.id, late.id],
    "message_not_found",
  ]);
  await server.post(`/api/groups/${group}/leave`, ben, {});
  expect([await readers(second, ada), await readers(second, ben)]).toEqual([[eve.id, late.id], "message_not_found"]);
  await server.remove(`/api/messages/${second}`, ada);
  for (const id of [second, 0, 999_999]) expect(await readers(id, ada)).toBe("message_not_found");
  expect((await server.get("/api/messages/x/receipts", ada)).body["code"]).toBe("message_not_found");
});

test("with a block between them nobody is told of the other's reading, and who wrote what is hidden learns nothing", async () => {
  const { ada, ben, eve, read, message } = await groupOfThree();
  const { id: seen } = (await server.post("/api/messages", ada, { recipient_id: ben.id, content: "seen" })).body;
  await server.post(`/api/conversations/${ada.id}/read`, ben, {});
  for (const who of [ben, eve]) await read(who, message);
  expect(await readers(message, ada)).toEqual([ben.id, eve.id]);
  await server.post(`/api/users/block/${ada.id}`, ben, {});
  const { id: hidden } = (await server.post("/api/messages", ada, { recipient_id: ben.id, content: "hidden" })).body;
  await server.post(`/api/conversations/${ada.id}/read`, ben, {});
  for (const id of [message, Number(seen), Number(hidden)]) {
    expect(await readers(id, ada)).toEqual(id === message ? [eve.id] : []);
  }
  expect([await readers(message, eve), await readers(Number(hidden), ben)]).toEqual([
    [ben.id, eve.id],
    "message_not_found",
  ]);
  await server.post(`/api/users/unblock/${ada.id}`, ben, {});
  expect([await readers(message, ada), await readers(Number(seen), ada), await readers(Number(hidden), ada)]).toEqual([
    [ben.id, eve.id],
    [ben.id],
    [],
  ]);
});

test("read:{messageId} in Redis is what was told, and is believed only of the very versions that the database has", async () => {
  const { ada, ben, eve, read, message } = await groupOfThree();
  await read(ben, message);
  const client = redisClient(redis);
  await until(client, true);
  const key = `read:${message}`;
  const kept = async (): Promise<unknown[]> => decode((await client.call(5_000, "GET", key)) as Buffer) as unknown[];
  await vi.waitFor(async () => {
    expect(await readers(message, ada)).toEqual([ben.id]);
    expect((await kept()).slice(1)).toEqual([ben.id]);
  });
  const life = Number(redis.cli("TTL", key));
  expect([life > 0, life <= 60]).toEqual([true, true]);
  const [stamp] = await kept();
  // Another node has nothing in memory: it takes the entry of these versions, and no other.
  await using other = await startChatServer({ DATABASE_URL: database, REDIS_URL: redis.url });
  const asks = async () => (await other.get(`/api/messages/${message}/receipts`, ada)).body["readers"];
  await vi.waitFor(async () => {
    await client.call(5_000, "SET", key, Buffer.from(encode([stamp, ben.id, 12_345])));
    await server.get(`/api/messages/${message}/receipts`, ada);
    expect(await asks()).toEqual([ben.id, 12_345]);
  });
  await read(eve, message);
  expect(await asks()).toEqual([ben.id, eve.id]);
  for (const foreign of [
    encode(["1.1.1", 7]),
    encode({ a: 1 }),
    Buffer.from("theirs"),
    Buffer.alloc(200_000, 0x91),
    Buffer.of(0xdd, 255, 255, 255, 255),
  ]) {
    await client.call(5_000, "SET", key, Buffer.from(foreign));
    await read(ada, message);
    await server.post(`/api/groups/${(await groupId(message)).toString()}/messages`, ada, {
      client_id: String(foreign.length),
      content: "x",
    });
    expect(await asks()).toEqual([ben.id, eve.id]);
  }
  redis.cli("DEL", key);
  redis.cli("RPUSH", key, "theirs");
  await server.post(`/api/groups/${await groupId(message)}/messages`, ada, { client_id: "last", content: "x" });
  expect(await asks()).toEqual([ben.id, eve.id]);
  await client[Symbol.asyncDispose]();
});

async function groupId(message: number): Promise<number> {
  return Number(
    postgres.sql(
      database,
      `select c.group_id from messages m join conversations c on c.id = m.conversation_id where m.id = ${message}`,
    ),
  );
}
