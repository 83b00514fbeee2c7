import { startRedis, type RedisServer } from "@om/services";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { startChatServer, type ChatServer, type TestSocket, type TestUser } from "./fixtures/chat-server.ts";
import { migratedDatabase } from "./fixtures/migrated-database.ts";

const patient = { timeout: 30_000, interval: 20 };

let redis: RedisServer | undefined;
let database: string;
/** Two nodes of one installation. */
let a: ChatServer;
let b: ChatServer;
/** Ada is at the first node, Ben at the second. */
let ada: TestUser;
let ben: TestUser;
let round = 0;

async function startNodes(between: "Redis" | "PostgreSQL alone"): Promise<void> {
  database = await migratedDatabase();
  const env: Record<string, string> = { DATABASE_URL: database };
  if (between === "Redis") {
    redis = await startRedis();
    env["REDIS_URL"] = redis.url;
  }
  [a, b] = [await startChatServer(env), await startChatServer(env)];
}
async function stopNodes(): Promise<void> {
  await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
  await redis?.[Symbol.asyncDispose]();
  redis = undefined;
}
beforeEach(async () => {
  round += 1;
  [ada, ben] = [await a.register(`ada${round}`), await b.register(`ben${round}`)];
});
afterEach(async () => {
  await Promise.all([a.closeSockets(), b.closeSockets()]);
});

const say = (from: TestSocket, to: TestUser, content: string): void =>
  from.send("chat", { client_id: content, recipient_id: to.id, content });
const metric = async (node: ChatServer, name: string): Promise<number> => {
  const text = await (await fetch(`${node.url}/metrics`)).text();
  return Number(new RegExp(`^${name} (.*)$`, "m").exec(text)?.[1] ?? Number.NaN);
};

describe.each(["Redis", "PostgreSQL alone"] as const)("nodes that share %s", (between) => {
  beforeAll(() => startNodes(between));
  afterAll(stopNodes);

  test("D-52: users at two nodes are not split: messages, ticks, typing, edits and deletes reach the other node's sockets", async () => {
    const [from, to, other] = [await a.open(ada), await b.open(ben), await a.open(ben, "&resume=1")];
    say(from, ben, "Hello");
    await from.next("ack");
    const message = { content: "Hello", sender_id: ada.id };
    const told = await to.next("message");
    expect(told).toMatchObject({ message });
    expect(await other.next("message")).toMatchObject({ message });
    const messageId = (told["message"] as { id: number }).id;

    say(to, ada, "Hi");
    await to.next("ack");
    to.send("typing", { recipient_id: ada.id, is_typing: true });
    expect(await from.next("typing")).toMatchObject({ sender_id: ben.id, is_typing: true });

    to.send("ack", { server_id: messageId, status: "delivered" });
    expect(await from.next("delivery_update")).toMatchObject({ user_id: ben.id, last_delivered_message_id: messageId });
    to.send("read", { message_id: messageId });
    expect(await from.next("read_update")).toMatchObject({ user_id: ben.id, last_read_message_id: messageId });

    await a.put(`/api/messages/${messageId}`, ada, { content: "Hello!" });
    expect(await to.next("message_edit")).toMatchObject({ message: { id: messageId, content: "Hello!" } });
    await a.remove(`/api/messages/${messageId}`, ada);
    expect(await to.next("message_delete")).toMatchObject({ message: { id: messageId } });
  });

  test("messages of one sender arrive at the other node in order, each once, and in a group at everybody's", async () => {
    const [from, to] = [await a.open(ada), await b.open(ben)];
    const { id } = (await a.post("/api/groups", ada, { name: `walkers${round}` })).body;
    await a.post(`/api/groups/${String(id)}/members`, ada, { user_id: ben.id });
    const texts = Array.from({ length: 200 }, (_, i) => `message ${i}`);
    for (const text of texts) say(from, ben, text);
    const got: unknown[] = [];
    while (got.length < texts.length) got.push(((await to.next("message"))["message"] as { content: string }).content);
    expect(got).toEqual(texts);
    await a.post(`/api/groups/${String(id)}/messages`, ada, { content: "Hello all", client_id: "g" });
    expect(await to.next("message")).toMatchObject({ message: { content: "Hello all" } });
  });

  test("whoever comes to one node, and has left it, is told at the other", async () => {
    const first = await b.open(ben);
    const watching = await a.open(ada);
    say(first, ada, "Hello");
    await watching.next("message");
    await b.closeSockets();
    expect(await watching.next("user_status")).toMatchObject({ user_id: ben.id, is_online: false });
    await b.open(ben);
    expect(await watching.next("user_status")).toMatchObject({ user_id: ben.id, is_online: true });
  });

  test("a session that ends at one node is over at the other: its sockets are closed and its token is refused", async () => {
    const login = async (node: ChatServer): Promise<TestUser> => {
      const body = { email: `${ada.name}@example.org`, password: "a long password" };
      const answer = await node.post("/api/auth/login", { ...ada, token: "" }, body);
      return { ...ada, token: answer.body["access_token"] as string };
    };
    const [phone, laptop] = [await login(b), await login(a)];
    const [gone, stays] = [await b.open(phone), await b.open(laptop)];
    expect((await b.get("/api/users/me", phone)).status).toBe(200);
    const password = { current_password: "a long password", new_password: "another long password" };
    expect((await a.put("/api/users/me/password", laptop, password)).status).toBe(200);
    expect(await gone.closed).toMatchObject({ code: 4500 });
    expect((await b.get("/api/users/me", phone)).status).toBe(401);
    expect((await b.get("/api/users/me", laptop)).status).toBe(200);
    await stays.settled();
  });
});

describe("nodes and their Redis", () => {
  beforeAll(() => startNodes("Redis"));
  afterAll(stopNodes);

  test("what strangers publish in the channel harms nobody", async () => {
    const [from, to] = [await a.open(ada), await b.open(ben)];
    for (const bad of ["", "hello", "[1,2,3]", "x".repeat(100_000)]) redis?.cli("PUBLISH", "om:bus:0", bad);
    say(from, ben, "Hello");
    expect(await to.next("message")).toMatchObject({ message: { content: "Hello" } });
    expect(to.frames.length).toBe(1);
    expect(await metric(b, 'om_bus_dropped_total\\{reason="forged"\\}')).toBe(4);
  });

  test("Redis killed: each node's own users are served on; started again: all are", async () => {
    const cleo = await a.register(`cleo${round}`);
    const [from, near, far] = [await a.open(ada), await a.open(cleo), await b.open(ben)];
    const reconnects = await metric(b, "om_bus_reconnects_total");
    await redis?.kill();
    for (const text of ["one", "two", "three"]) {
      say(from, cleo, text);
      expect(await near.next("message")).toMatchObject({ message: { content: text } });
    }
    await redis?.start();
    await vi.waitFor(async () => expect(await metric(b, "om_bus_reconnects_total")).toBe(reconnects + 1), patient);
    await vi.waitFor(async () => expect(await metric(a, "om_redis_usable")).toBe(1), patient);
    say(from, ben, "again");
    expect(await far.next("message")).toMatchObject({ message: { content: "again" } });
  });

  test("what one user may do, and logins of an address, count on both nodes together", async () => {
    const env = { DATABASE_URL: database, REDIS_URL: redis?.url ?? "", USER_LIMITS: "1", AUTH_LIMIT: "12" };
    await using c = await startChatServer(env);
    await using d = await startChatServer(env);
    const search = (node: ChatServer) => node.get("/api/users/search?q=nobody", ada);
    const allowed = async (node: ChatServer): Promise<number> => {
      const answers = await Promise.all(Array.from({ length: 150 }, () => search(node)));
      return answers.filter(({ status }) => status === 200).length;
    };
    const level = (): number => Number(redis?.cli("HGET", `rate:user:${ada.id}:buckets`, "searches").split(" ")[0]);
    expect(await allowed(c)).toBeGreaterThanOrEqual(100);
    await vi.waitFor(() => expect(level()).toBeLessThan(50), patient);
    // One request is enough for the other node to be told.
    await search(d);
    expect(await allowed(d)).toBeLessThan(60);

    const statuses: number[] = [];
    for (let i = 0; i < 14; i++) statuses.push((await fetch(`${(i % 2 === 0 ? c : d).url}/api/auth/csrf`)).status);
    expect(statuses.filter((status) => status === 429)).toHaveLength(2);
  });
});
