import { querySync, startRedis, type RedisServer } from "@om/services";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { changes, newName, newRoom, ok, questions, say, type Asked, type Room } from "./fixtures/answer-changes.ts";
import { withoutPresence } from "./fixtures/cache-nodes.ts";
import { startChatServer, type ChatServer, type TestUser } from "./fixtures/chat-server.ts";
import { migratedDatabase } from "./fixtures/migrated-database.ts";

/*
 * Answers are kept at one node, another one makes a change, and the very next request of each must be right. `b` proves them by Redis,
 * `plain` by PostgreSQL; what is right `plain` says at an address of which nothing is kept.
 */

const patient = { timeout: 30_000, interval: 5 };

let redis: RedisServer;
let database: string;
/** Where changes are made. */
let a: ChatServer;
const readers: { b: ChatServer; plain: ChatServer } = {} as never;

beforeAll(async () => {
  redis = await startRedis();
  database = await migratedDatabase();
  // All show media at one address.
  const env = { DATABASE_URL: database, AVATAR_LIMIT: "0", PUBLIC_API_BASE_URL: "http://127.0.0.1:8080/api" };
  a = await startChatServer({ ...env, REDIS_URL: redis.url });
  readers.b = await startChatServer({ ...env, REDIS_URL: redis.url });
  readers.plain = await startChatServer(env);
  await Promise.all([a, readers.b].map(untilOn));
});
afterAll(async () => {
  for (const server of [a, ...Object.values(readers)]) await server[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

async function metric(node: ChatServer, series: string): Promise<number> {
  const text = await (await fetch(`${node.url}/metrics`)).text();
  const line = text.split("\n").find((one) => one.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1) ?? 0);
}
const proven = (node: ChatServer): Promise<number> => metric(node, 'om_answers_total{result="proven"}');
const untilOn = (node: ChatServer): Promise<void> =>
  vi.waitFor(async () => expect(await metric(node, "om_cache_mode")).toBe(2), patient);

/** What is shown but for who is online; of a refusal its code. */
async function told(node: ChatServer, { who, path }: Asked): Promise<string> {
  const { status, body } = await node.get(path, who);
  return status === 200 ? withoutPresence(body) : `${status} ${String(body["code"] ?? body["error"])}`;
}

/** The same at an address that nobody has asked before. */
function never({ who, path }: Asked): Asked {
  return { who, path: `${path}${path.includes("?") ? "&" : "?"}${newName("asked")}` };
}

/** Asks until all answers are kept and proven; what they say. */
async function keep(node: ChatServer, all: readonly Asked[]): Promise<string[]> {
  return vi.waitFor(async () => {
    const before = await proven(node);
    const texts = await Promise.all(all.map((one) => told(node, one)));
    expect((await proven(node)) - before).toBe(all.length);
    return texts;
  }, patient);
}

/** What these nodes say when they are asked next is what the database says. */
async function expectRight(nodes: readonly ChatServer[], all: readonly Asked[]): Promise<string[]> {
  const answers = await Promise.all(nodes.map((node) => Promise.all(all.map((one) => told(node, one)))));
  const right = await Promise.all(all.map((one) => told(readers.plain, never(one))));
  for (const said of answers) expect(said.map(parsed)).toEqual(right.map(parsed));
  return right;
}
const parsed = (text: string): unknown => (/^[[{]/.test(text) ? JSON.parse(text) : text);

async function newPair(): Promise<[TestUser, TestUser]> {
  const pair: [TestUser, TestUser] = [await a.register(newName("ada")), await a.register(newName("ben"))];
  // So that it can be seen when it is hidden.
  querySync(database, `update users set last_seen = now() where id in (${pair.map(({ id }) => id).join()})`);
  return pair;
}

describe("kept at two nodes, changed at another one:", () => {
  let pair: [TestUser, TestUser];
  const nodes = (): ChatServer[] => Object.values(readers);
  beforeAll(async () => {
    pair = await newPair();
  });

  test.each(changes)("%s", async (_, affected, change) => {
    const room = await newRoom(a, pair);
    const asked = questions(room);
    const all = Object.values(asked);
    const [before = []] = await Promise.all(nodes().map((node) => keep(node, all)));
    await change(a, room);
    const after = await expectRight(nodes(), all);
    const changed = Object.keys(asked).filter((_name, index) => before[index] !== after[index]);
    expect(changed).toEqual(expect.arrayContaining(affected));
  });

  test("who is not in the group any more is refused", async () => {
    for (const leave of [
      ({ ada, ben, group }: Room) => a.remove(`/api/groups/${group}/members/${ben.id}`, ada),
      ({ ben, group }: Room) => a.post(`/api/groups/${group}/leave`, ben, {}),
    ]) {
      const room = await newRoom(a, pair);
      const { "ben's group": history, "ben's members": members, "ben's groups": own } = questions(room);
      const all = [history, members, own].filter((one) => one !== undefined);
      const [before = []] = await Promise.all(nodes().map((node) => keep(node, all)));
      await leave(room);
      const after = await expectRight(nodes(), all);
      expect(after).toEqual(["403 not_group_member", "403 Forbidden", expect.any(String)]);
      expect([before[2], after[2]].map((text) => text?.includes(`"id":${room.group},`))).toEqual([true, false]);
    }
  });

  test("an account that is closed is shown as such", async () => {
    const [, ben] = pair;
    const dan = await a.register(newName("dan"));
    const all = Object.values(questions(await newRoom(a, [dan, ben]))).filter(({ who }) => who === ben);
    const [before = []] = await Promise.all(nodes().map((node) => keep(node, all)));
    // Of a group that one has left the founder is no longer to be seen either; the name is free.
    expect(before.filter((text) => text.includes(dan.name))).toHaveLength(9);
    await ok(a.post("/api/users/me/delete", dan, { password: "a long password" }));
    const after = await expectRight(nodes(), all);
    expect(after.filter((text) => text.includes(dan.name))).toEqual([]);
  });
});

test("a client that names the tag is sent no bytes, by whichever node, until something has changed", async () => {
  const [ada, ben] = await newPair();
  const ask = async (node: ChatServer, path: string, tag: string): Promise<[status: number, tag: string]> => {
    const headers = { authorization: `Bearer ${ben.token}`, "if-none-match": tag };
    const { status, headers: got } = await fetch(`${node.url}${path}`, { headers });
    return [status, got.get("etag") ?? ""];
  };
  const nodes = Object.values(readers);
  const { group } = await newRoom(a, [ada, ben]);
  const paths = [`/api/messages?recipient_id=${ada.id}`, "/api/conversations", "/api/groups"];
  for (const path of [...paths, `/api/groups/${group}/members`, `/api/users/${ada.id}`]) {
    await Promise.all(nodes.map((node) => keep(node, [{ who: ben, path }])));
    const [, tag] = await ask(readers.b, path, "");
    for (const node of nodes) expect(await ask(node, path, tag)).toEqual([304, tag]);
    await say(a, ada, ben);
    await a.put("/api/users/me", ada, { full_name: newName("Ada ") });
    const [status, other] = await ask(readers.b, path, tag);
    expect([status, other === tag]).toEqual([200, false]);
    expect(await ask(readers.plain, path, tag)).toEqual([200, other]);
  }
});

/** Another session of the user. */
async function login(who: TestUser): Promise<{ user: TestUser; refresh: string }> {
  const body = JSON.stringify({ email: `${who.name}@example.org`, password: "a long password" });
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${a.url}/api/auth/login`, { method: "POST", headers, body });
  const { access_token: token, refresh_token: refresh } = (await answer.json()) as Record<string, string>;
  return { user: { ...who, token: token ?? "" }, refresh: refresh ?? "" };
}

test.each<[string, (phone: { user: TestUser; refresh: string }, ben: TestUser) => Promise<unknown>]>([
  [
    "logged out",
    ({ refresh }) =>
      fetch(`${a.url}/api/auth/logout`, { method: "POST", headers: { cookie: `om_refresh=${refresh}` } }),
  ],
  ["ended by another session", (_, ben) => a.post("/api/sessions/end-others", ben, {})],
  [
    "ended by another password",
    (_, ben) =>
      a.put("/api/users/me/password", ben, { current_password: "a long password", new_password: "a longer password" }),
  ],
  ["of an account that is closed", (_, ben) => a.post("/api/users/me/delete", ben, { password: "a long password" })],
])("a session that is %s: what was kept for it is refused as soon as anything is", async (_, end) => {
  const { b } = readers;
  const [ada, ben] = await newPair();
  const room = await newRoom(a, [ada, ben]);
  const phone = await login(ben);
  const all = Object.values(questions({ ...room, ben: phone.user })).filter(({ who }) => who === phone.user);
  await keep(b, all);
  await end(phone, ben);
  await vi.waitFor(async () => expect((await b.get("/api/users/me", phone.user)).status).toBe(401), patient);
  for (const one of all) expect(await told(b, one)).toBe("401 invalid_access_token");
});

/** Whether somebody is shown as connected in each of the answers. */
async function isShown(node: ChatServer, all: readonly Asked[]): Promise<boolean[]> {
  const texts = await Promise.all(all.map(async ({ who, path }) => JSON.stringify((await node.get(path, who)).body)));
  return texts.map((text) => text.includes('"is_online":true'));
}

/** Kept at `node`: people come to these nodes, and leave. */
async function comeAndGo(node: ChatServer, places: readonly ChatServer[]): Promise<void> {
  const [, ben] = await newPair();
  const peers = await Promise.all(places.map(async () => (await newPair())[0]));
  for (const peer of peers) await say(a, peer, ben);
  const all = peers.map(({ id }) => ({ who: ben, path: `/api/messages?recipient_id=${id}` }));
  all.push({ who: ben, path: "/api/conversations" });
  for (const isOnline of [true, false]) {
    await keep(node, all);
    expect(await isShown(node, all)).toEqual(all.map(() => !isOnline));
    for (const [index, place] of places.entries()) {
      if (isOnline) await place.open(peers[index] ?? ben);
      else await place.closeSockets();
    }
    const expected = all.map(() => isOnline);
    await vi.waitFor(async () => expect(await isShown(node, all.map(never))).toEqual(expected), patient);
    expect(await isShown(node, all)).toEqual(expected);
  }
}

test("who comes to any node, or leaves it, is shown so as soon as it is known", async () => {
  await Promise.all([comeAndGo(readers.b, [a, readers.b]), comeAndGo(readers.plain, [readers.plain])]);
});

describe("when Redis forgets", () => {
  const ways: [string, () => unknown][] = [
    ["everything", () => redis.cli("FLUSHALL")],
    ["the counters", () => redis.cli("DEL", "profile:ver", "presence:ver")],
    [
      "the entries",
      () => redis.cli("EVAL", "for _, k in ipairs(redis.call('KEYS', '*:[0-9]*')) do redis.call('DEL', k) end", "0"),
    ],
  ];
  test.each(ways)("%s, before or after a change: answers are right", async (_, forget) => {
    const room = await newRoom(a, await newPair());
    const all = Object.values(questions(room));
    const renames = (): Promise<unknown> => a.put("/api/users/me", room.ada, { full_name: newName("Ada ") });
    for (const steps of [
      [forget, renames],
      [renames, forget],
      [forget, renames, forget],
      [() => say(a, room.ada, room.ben), forget],
    ]) {
      const before = await keep(readers.b, all);
      for (const step of steps) await step();
      expect(await expectRight([readers.b], all)).not.toEqual(before);
    }
  });
});

describe("when Redis is", () => {
  test("silent: changes are shown at once, from PostgreSQL, and nobody hangs", async () => {
    const { b } = readers;
    const room = await newRoom(a, await newPair());
    const asked = questions(room);
    for (const name of ["ada's peer", "ada's peer by name", "ben's self"]) delete asked[name];
    const all = Object.values(asked);
    const before = await keep(b, all);
    redis.pause();
    try {
      await say(a, room.ada, room.ben);
      await a.put("/api/users/me", room.ada, { full_name: newName("Ada ") });
      const after = await expectRight([b], all);
      expect(after.filter((text, index) => text === before[index])).toEqual([]);
      // The breaker opens, and PostgreSQL proves what is kept.
      await keep(b, all);
      await a.remove(`/api/groups/${room.group}/members/${room.ben.id}`, room.ada);
      await vi.waitFor(() => expectRight([b], all), patient);
    } finally {
      redis.resume();
    }
    await Promise.all([a, b].map(untilOn));
    await vi.waitFor(() => keep(b, all.slice(0, 2)), patient);
    await expectRight([b], all);
  });

  test("killed, and started again without what it had", async () => {
    const { b } = readers;
    const room = await newRoom(a, await newPair());
    const all = Object.values(questions(room));
    await keep(b, all);
    await redis.kill();
    await say(a, room.ada, room.ben);
    await expectRight([b], all);
    await keep(b, all);
    await a.put("/api/users/me", room.ben, { full_name: newName("Ben ") });
    await expectRight([b], all);
    await redis.start();
    for (const node of [a, b]) {
      await vi.waitFor(async () => expect(await metric(node, "om_redis_usable")).toBe(1), patient);
      await untilOn(node);
    }
    await keep(b, all);
    await say(a, room.ada, room.ben);
    await vi.waitFor(() => expectRight([b], all), patient);
  });
});
