import { startRedis, startRedisCluster, type RedisCluster } from "@om/services";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { startChatServer, type ChatServer, type TestUser } from "./fixtures/chat-server.ts";
import { migratedDatabase } from "./fixtures/migrated-database.ts";

const patient = { timeout: 30_000, interval: 20 };

let cluster: RedisCluster;
/** Two nodes of one installation on a cluster of three masters, each with a replica. */
let a: ChatServer;
let b: ChatServer;
let ada: TestUser;
let ben: TestUser;

beforeAll(async () => {
  cluster = await startRedisCluster({}, { replicas: true });
  const env = { DATABASE_URL: await migratedDatabase(), REDIS_CLUSTER: "true", REDIS_ADDR: cluster.addresses };
  [a, b] = [await startChatServer(env), await startChatServer(env)];
  [ada, ben] = [await a.register("ada"), await b.register("ben")];
});
afterAll(async () => {
  await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
  await cluster[Symbol.asyncDispose]();
});

const metrics = async (node: ChatServer): Promise<string> => (await fetch(`${node.url}/metrics`)).text();
/** What was never counted is 0. */
const metric = async (node: ChatServer, name: string): Promise<number> =>
  Number(new RegExp(`^${name} (.*)$`, "m").exec(await metrics(node))?.[1] ?? 0);
const send = async (content: string): Promise<void> => {
  const body = { recipient_id: ben.id, content, client_id: content };
  expect((await a.post("/api/messages", ada, body)).status).toBe(201);
};
/** Oldest first. */
const history = async (node: ChatServer, user: TestUser, other: TestUser): Promise<string[]> => {
  const { body } = await node.get(`/api/messages?recipient_id=${other.id}`, user);
  return (body["messages"] as { content: string }[]).map(({ content }) => content).toReversed();
};
const whole = (): Promise<void> =>
  vi.waitFor(async () => {
    for (const node of [a, b]) expect(await metric(node, "om_redis_usable")).toBe(1);
    for (const node of [a, b]) expect(await metric(node, "om_cache_mode")).toBe(2);
    const epochs = [await metric(a, "om_cache_epoch"), await metric(b, "om_cache_epoch")];
    expect(epochs[0]).toBe(epochs[1]);
    for (const node of [a, b]) expect(await metric(node, "om_bus_listening")).toBe(1);
  }, patient);

test("histories, lists and counts are read from the cluster, whose keys anybody can look at", async () => {
  await whole();
  const { body } = await a.post("/api/groups", ada, { name: "walkers" });
  const texts = Array.from({ length: 20 }, (_, i) => `message ${i}`);
  for (const text of texts) await send(text);
  await a.post(`/api/groups/${String(body["id"])}/messages`, ada, { content: "Hello", client_id: "g" });
  let asked = 0;
  await vi.waitFor(async () => {
    expect(await history(b, ben, ada)).toEqual(texts);
    expect(await history(a, ada, ben)).toEqual(texts);
    // At the same address a kept answer would be given, for which nothing is read.
    const anew = `asked=${(asked += 1)}`;
    await a.get(`/api/messages?recipient_id=${ben.id}&${anew}`, ada);
    await a.get(`/api/groups/${String(body["id"])}/messages?${anew}`, ada);
    await b.get(`/api/conversations?${anew}`, ben);
    await b.get(`/api/conversations/user_${ada.id}/unread?${anew}`, ben);
    await b.get(`/api/groups?${anew}`, ada);
    const all = (await metrics(a)) + (await metrics(b));
    for (const kind of ["conv", "group", "member", "convlist", "unread", "profile", "about"]) {
      expect(all).toMatch(new RegExp(`om_cache_reads_total\\{kind="${kind}",result="hit`));
    }
  }, patient);
  expect(cluster.cli("GET", `conv:${ada.id}:${ben.id}`)).toContain("message 19");
  let more = 0;
  await vi.waitFor(async () => {
    await send(`more ${(more += 1)}`);
    expect(await metric(a, 'om_cache_marks_total\\{result="acked"\\}')).toBeGreaterThan(0);
  }, patient);
});

test("what is sent at one node is pushed at the other, in order", async () => {
  await whole();
  const [from, to] = [await a.open(ada), await b.open(ben)];
  const texts = Array.from({ length: 100 }, (_, i) => `push ${i}`);
  for (const text of texts) from.send("chat", { client_id: text, recipient_id: ben.id, content: text });
  const got: unknown[] = [];
  while (got.length < texts.length) got.push(((await to.next("message"))["message"] as { content: string }).content);
  expect(got).toEqual(texts);
  await Promise.all([a.closeSockets(), b.closeSockets()]);
});

test("who is online at one node is known at the other, until the last socket is closed", async () => {
  await whole();
  // Who somebody has written to sees whether they are online.
  const chatting = await b.open(ben);
  chatting.send("chat", { client_id: "seen", recipient_id: ada.id, content: "seen" });
  await chatting.next("ack");
  const watching = await a.open(ada);
  await vi.waitFor(
    () =>
      expect(cluster.cli("SMEMBERS", "{presence}online:users").split("\n").toSorted()).toEqual([
        `${ada.id}`,
        `${ben.id}`,
      ]),
    patient,
  );
  await b.closeSockets();
  expect(await watching.next("user_status")).toMatchObject({ user_id: ben.id, is_online: false });
  await vi.waitFor(() => expect(cluster.cli("SMEMBERS", "{presence}online:users")).toBe(`${ada.id}`), patient);
  await b.open(ben);
  expect(await watching.next("user_status")).toMatchObject({ user_id: ben.id, is_online: true });
  await Promise.all([a.closeSockets(), b.closeSockets()]);
});

test("answers that are kept at one node show what was changed at the other, and who came to it", async () => {
  await whole();
  const paths = [`/api/messages?recipient_id=${ada.id}`, "/api/conversations"];
  const ask = (): Promise<string[]> =>
    Promise.all(paths.map(async (path) => JSON.stringify((await b.get(path, ben)).body)));
  const kept = async (): Promise<void> => {
    const before = await metric(b, 'om_answers_total\\{result="proven"\\}');
    await ask();
    expect((await metric(b, 'om_answers_total\\{result="proven"\\}')) - before).toBe(paths.length);
  };
  for (const name of ["Ada the First", "Ada the Second"]) {
    await vi.waitFor(kept, patient);
    await a.put("/api/users/me", ada, { full_name: name });
    for (const text of await ask()) expect(text).toContain(name);
  }
  await vi.waitFor(kept, patient);
  await a.open(ada);
  const fresh = async (): Promise<unknown> => (await b.get(`/api/conversations?limit=9`, ben)).body;
  await vi.waitFor(async () => expect(JSON.stringify(await fresh())).toContain('"is_online":true'), patient);
  for (const text of await ask()) expect(text).toContain('"is_online":true');
  await a.closeSockets();
});

test("a master dies: messages go on without the cache; its replica takes over in a new epoch", async () => {
  await whole();
  const before = await metric(a, "om_cache_epoch");
  await cluster.masters[cluster.ownerOf(`conv:${ada.id}:${ben.id}`)]?.kill();
  await send("during");
  expect((await history(b, ben, ada)).at(-1)).toBe("during");
  await whole();
  await vi.waitFor(async () => expect(await metric(a, "om_cache_epoch")).toBeGreaterThan(before), patient);
  await send("after");
  const hits = async (): Promise<number> => metric(b, 'om_cache_reads_total\\{kind="conv",result="hit_l1"\\}');
  const hitsBefore = await hits();
  await vi.waitFor(async () => {
    expect((await history(b, ben, ada)).slice(-2)).toEqual(["during", "after"]);
    expect(await hits()).toBeGreaterThan(hitsBefore);
  }, patient);
  const [from, to] = [await a.open(ada), await b.open(ben)];
  // What is published while the other node changes its station is not sent again.
  let pushes = 0;
  await vi.waitFor(async () => {
    from.send("chat", { client_id: `push after ${(pushes += 1)}`, recipient_id: ben.id, content: "pushed" });
    await to.settled();
    expect(to.frames).toContainEqual(expect.objectContaining({ type: "message" }));
  }, patient);
});

test("a standalone Redis that took an older copy's data in and was promoted again: a new epoch, nothing old is read", async () => {
  // Quickly: when it is away for 2 s there is a new epoch for that reason alone.
  await using redis = await startRedis({ "repl-diskless-sync-delay": "0" });
  await using copy = await startRedis({ "repl-diskless-sync-delay": "0" });
  await using node = await startChatServer({ REDIS_URL: redis.url });
  const [one, two] = [await node.register("one"), await node.register("two")];
  const say = (content: string) =>
    node.post("/api/messages", one, { recipient_id: two.id, content, client_id: content });
  const key = `conv:${one.id}:${two.id}`;
  await say("old");
  const stored = (text: string): Promise<void> =>
    vi.waitFor(async () => {
      await history(node, two, one);
      expect(redis.cli("GET", key)).toContain(text);
    }, patient);
  // The first replica makes its master take another replication id.
  copy.cli("REPLICAOF", "127.0.0.1", String(redis.port));
  await vi.waitFor(() => expect(copy.cli("ROLE")).toContain("connected"), patient);
  await stored("old");
  await vi.waitFor(() => expect(copy.cli("GET", key)).toContain("old"), patient);
  copy.cli("REPLICAOF", "NO", "ONE");
  await say("new");
  await stored("new");
  const epoch = await metric(node, "om_cache_epoch");
  redis.cli("REPLICAOF", "127.0.0.1", String(copy.port));
  await vi.waitFor(() => expect(redis.cli("GET", key)).not.toContain("new"), patient);
  redis.cli("REPLICAOF", "NO", "ONE");
  await vi.waitFor(async () => expect(await metric(node, "om_cache_epoch")).toBeGreaterThan(epoch), patient);
  expect(await history(node, two, one)).toEqual(["old", "new"]);
});
