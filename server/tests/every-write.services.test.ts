import { inboundFrames, routes, type InboundType, type RouteName } from "@om/protocol";
import { decode } from "@msgpack/msgpack";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Reply } from "../src/platform/redis/redis.ts";
import { openTestSocket } from "./fixtures/chat-server.ts";
import { readsOf, startServerPair, type ServerPair, type Person } from "./fixtures/server-pair.ts";
import { multipart, multipartType } from "./fixtures/multipart.ts";
import { png } from "./fixtures/pictures.ts";
import { redisClient, until } from "./fixtures/redis-clients.ts";
import { serverSecret } from "./fixtures/test-server.ts";

type MutatingRoute = { [N in RouteName]: (typeof routes)[N]["method"] extends "GET" ? never : N }[RouteName];

let pair: ServerPair;
/** All that a client was given to prove who it is. */
const tokens = new Set<string>();
beforeAll(async () => {
  // The harder case: answers show e-mail addresses, which Redis must not have.
  pair = await startServerPair({ EXPOSE_EMAILS: "true" });
  // The guard is for others: the server's own writes look after the cache themselves.
  pair.sql(`create table guarded (at text);
    create or replace function invalidate_unmarked() returns trigger language plpgsql as $$
    begin insert into guarded values (tg_table_name || ' ' || tg_op); return null; end $$`);
});
afterAll(() => pair[Symbol.asyncDispose]());

/** Three people who know each other; Ada is admin of a group with Ben, and of a public one that she is in alone. */
interface World {
  number: number;
  ada: Person;
  ben: Person;
  eve: Person;
  group: number;
  open: number;
  handle: string;
  /** Messages: of Ada and of Ben in their conversation, and of both in the group. */
  ofAda: number;
  ofBen: number;
  groupOfAda: number;
  groupOfBen: number;
}

let worlds = 0;

async function newWorld(): Promise<World> {
  worlds += 1;
  const [ada, ben, eve] = await pair.people(`ada_${worlds}`, `ben_${worlds}`, `eve_${worlds}`);
  if (ada === undefined || ben === undefined || eve === undefined) throw new Error("nobody there");
  for (const { token } of [ada, ben, eve]) tokens.add(token);
  const handle = `open_${worlds}`;
  const made = async (who: Person, path: string, body: unknown): Promise<number> =>
    Number((await pair.ask(who, "POST", path, body))["id"]);
  const group = await made(ada, "/api/groups", { name: "A group" });
  const open = await made(ada, "/api/groups", { name: "Open", is_public: true, handle });
  await pair.ask(ada, "POST", `/api/groups/${group}/members`, { user_id: ben.id });
  const say = (who: Person, to: Person) =>
    made(who, "/api/messages", { recipient_id: to.id, content: `of ${who.name}` });
  const tell = (who: Person) => made(who, `/api/groups/${group}/messages`, { client_id: who.name, content: "to all" });
  const ofBen = await say(ben, ada);
  const ofAda = await say(ada, ben);
  await say(eve, ada);
  await say(ben, eve);
  const world = { number: worlds, ada, ben, eve, group, open, handle, ofAda, ofBen };
  return { ...world, groupOfAda: await tell(ada), groupOfBen: await tell(ben) };
}

/** What a write does, and whether anybody is told anything else afterwards. */
interface Write {
  shows: boolean;
  /** What must be there before; its world is a new one. */
  before?: (world: World) => Promise<unknown>;
  act: (world: World) => Promise<unknown>;
  /** What it takes away the writes after it need. */
  ends?: true;
}

const shows = (act: Write["act"], before?: Write["before"]): Write => ({
  shows: true,
  act,
  ...(before === undefined ? {} : { before }),
});
const silent = (act: Write["act"], before?: Write["before"]): Write => ({ ...shows(act, before), shows: false });
const ends = (act: Write["act"]): Write => ({ shows: true, act, ends: true });

const post = (who: Person, path: string, body?: unknown) => pair.ask(who, "POST", path, body ?? {});
const asAdministrator = async (method: string, path: string, body?: unknown) =>
  pair.ask(await pair.administrator(), method, `/api/admin/${path}`, body);
const remove = (who: Person, path: string) => pair.ask(who, "DELETE", path);
const password = ({ name }: Person): string => `password of ${name}`;
const login = async ({ name }: Person): Promise<{ cookie: string; token: string }> => {
  const body = { email: `${name}@example.org`, password: `password of ${name}` };
  const answer = await pair.live.request("POST", "/api/auth/login", { body });
  const cookies = answer.cookies.map((one) => one.split(";", 1)[0] ?? "");
  const { access_token: token, refresh_token: refresh } = answer.json();
  for (const one of [token, refresh, ...cookies.map((pair) => pair.slice(pair.indexOf("=") + 1))])
    tokens.add(String(one));
  return { cookie: cookies.join("; "), token: String(token) };
};
async function upload({ token }: Person, path: string, field: string): Promise<void> {
  const body = multipart({ name: field, filename: "a.png", type: "image/png", data: await png() });
  const answer = await pair.live.request("POST", path, { token, body, headers: multipartType });
  expect(answer.status).toBeLessThan(300);
}
async function withCookies({ ada }: World, path: string): Promise<void> {
  const { cookie } = await login(ada);
  const csrf = /om_csrf=([^;]*)/.exec(cookie)?.[1] ?? "";
  const answer = await pair.live.request("POST", path, { cookie, headers: { "x-csrf-token": csrf } });
  expect(answer.status).toBe(200);
}
const invite = async ({ ada, group }: World): Promise<string> =>
  String((await post(ada, `/api/groups/${group}/invite-links`))["token"]);

/** Whoever has closed the account is told nothing any more: at once where it was closed, within a minute elsewhere. */
const closed = new Set<string>();
/** A route that is missing here does not compile. */
const byRoute: Record<MutatingRoute, Write> = {
  register: silent(({ number }) => pair.people(`new_${number}`)),
  login: silent(({ ada }) => login(ada)),
  refresh: silent((world) => withCookies(world, "/api/auth/refresh")),
  logout: silent((world) => withCookies(world, "/api/auth/logout")),
  resetPassword: silent(async ({ eve }) => {
    const { token } = await asAdministrator("POST", `users/${eve.id}/reset-link`);
    await post(eve, "/api/auth/reset-password", { token, new_password: "quite another one" });
  }),
  setAccountState: silent(({ eve }) => asAdministrator("PUT", `users/${eve.id}/state`, { state: "open" })),
  setAccountRole: shows(({ ben }) => asAdministrator("PUT", `users/${ben.id}/role`, { role: "moderator" })),
  signOutAccount: silent(({ ben }) => asAdministrator("POST", `users/${ben.id}/sign-out`)),
  makeResetLink: silent(({ ben }) => asAdministrator("POST", `users/${ben.id}/reset-link`)),
  deleteAccountOf: ends(({ ben }) => asAdministrator("DELETE", `users/${ben.id}`).then(() => closed.add(ben.name))),
  makeInvitation: silent(() => asAdministrator("POST", "invites", {})),
  revokeInvitation: silent(async () => {
    const { invitation } = (await asAdministrator("POST", "invites", {})) as { invitation: { id: number } };
    await asAdministrator("DELETE", `invites/${invitation.id}`);
  }),
  updateMe: shows(({ ada, number }) =>
    pair.ask(ada, "PUT", "/api/users/me", { full_name: "Ada L.", username: `countess_${number}` }),
  ),
  block: ends(({ ada, ben }) => post(ada, `/api/users/block/${ben.id}`)),
  unblock: shows(
    ({ ada, ben }) => post(ada, `/api/users/unblock/${ben.id}`),
    ({ ada, ben }) => post(ada, `/api/users/block/${ben.id}`),
  ),
  markRead: shows(({ ada, ben }) => post(ada, `/api/conversations/${ben.id}/read`)),
  deleteConversation: ends(({ ada, ben }) => remove(ada, `/api/conversations/user_${ben.id}`)),
  createGroup: shows(({ ada }) => post(ada, "/api/groups", { name: "Another" })),
  joinByHandle: shows(({ ben, handle }) => post(ben, `/api/groups/handle/${handle}/join`)),
  editGroup: shows(({ ada, group }) => pair.ask(ada, "PUT", `/api/groups/${group}`, { name: "Renamed" })),
  joinGroup: shows(({ eve, open }) => post(eve, `/api/groups/${open}/join`)),
  leaveGroup: ends(({ ben, group }) => post(ben, `/api/groups/${group}/leave`)),
  addMember: ends(({ ada, eve, group }) => post(ada, `/api/groups/${group}/members`, { user_id: eve.id })),
  removeMember: ends(({ ada, ben, group }) => remove(ada, `/api/groups/${group}/members/${ben.id}`)),
  setRole: shows(({ ada, ben, group }) =>
    pair.ask(ada, "PUT", `/api/groups/${group}/members/${ben.id}`, { role: "admin" }),
  ),
  createInvite: silent(invite),
  revokeInvite: silent(async (world) =>
    remove(world.ada, `/api/groups/${world.group}/invite-links/${await invite(world)}`),
  ),
  joinByInvite: shows(async (world) => post(world.eve, `/api/join/${await invite(world)}`)),
  uploadAvatar: shows(({ ada }) => upload(ada, "/api/users/me/avatar", "avatar")),
  deleteAvatar: shows(
    ({ ada }) => remove(ada, "/api/users/me/avatar"),
    ({ ada }) => upload(ada, "/api/users/me/avatar", "avatar"),
  ),
  groupAvatar: shows(({ ada, group }) => upload(ada, `/api/groups/${group}/avatar`, "avatar")),
  uploadAttachment: silent(({ ada }) => upload(ada, "/api/media/attachments", "attachment")),
  send: shows(({ ada, ben, ofBen }) =>
    post(ada, "/api/messages", { recipient_id: ben.id, content: "new", reply_to_id: ofBen }),
  ),
  sync: silent(({ ada, ben }) =>
    post(ada, "/api/messages/sync", { conversations: [{ conversation_id: `user_${ben.id}`, last_message_id: 0 }] }),
  ),
  searchMessages: silent(({ ada }) => post(ada, "/api/messages/search", { q: "of" })),
  editMessage: shows(({ ada, ofAda }) => pair.ask(ada, "PUT", `/api/messages/${ofAda}`, { content: "edited" })),
  react: shows(({ ada, ofBen }) => pair.ask(ada, "PUT", `/api/messages/${ofBen}/reaction`, { emoji: "👍" })),
  keepConversation: shows(({ ada, ben }) =>
    pair.ask(ada, "PUT", `/api/conversations/user_${ben.id}/settings`, { pinned: true }),
  ),
  deleteMessage: ends(({ ben, ofBen }) => remove(ben, `/api/messages/${ofBen}`)),
  groupSend: shows(({ ben, group }) => post(ben, `/api/groups/${group}/messages`, { client_id: "x", content: "new" })),
  groupRead: ends(({ ada, group, groupOfBen }) =>
    post(ada, `/api/groups/${group}/read`, { last_read_message_id: groupOfBen }),
  ),
  endSession: silent(async ({ ada }) => {
    await login(ada);
    const answer = await pair.live.request("GET", "/api/sessions", { token: ada.token });
    const { sessions } = answer.json() as unknown as { sessions: { id: number }[] };
    return remove(ada, `/api/sessions/${sessions[0]?.id}`);
  }),
  endOtherSessions: silent(async ({ ada }) =>
    post({ ...ada, token: (await login(ada)).token }, "/api/sessions/end-others"),
  ),
  ticket: silent(async ({ ada }) => post({ ...ada, token: (await login(ada)).token }, "/api/sessions/ticket")),
  changePassword: silent(({ ada }) =>
    pair.ask(ada, "PUT", "/api/users/me/password", {
      current_password: password(ada),
      new_password: "quite another one",
    }),
  ),
  deleteAccount: ends(async ({ ben }) => {
    await post(ben, "/api/users/me/delete", { password: password(ben) });
    closed.add(ben.name);
  }),
};

/** Says something over a socket of `who`, and waits until it is done. */
async function frame(who: Person, type: InboundType, payload: unknown): Promise<void> {
  const faults: unknown[] = [];
  const url = `${pair.live.url.replace("http", "ws")}/ws?token=${who.token}&gzip=1`;
  const { socket, caughtUp } = await openTestSocket(url, faults);
  await caughtUp;
  socket.send(type, payload);
  await socket.settled();
  expect([faults, socket.frames.filter(({ type }) => type === "error")]).toEqual([[], []]);
}

/** A frame that is missing here does not compile. */
const byFrame: Record<InboundType, Write> = {
  ping: silent(({ ada }) => frame(ada, "ping", {})),
  pong: silent(({ ada }) => frame(ada, "pong", {})),
  chat: shows(({ ada, ben }) => frame(ada, "chat", { recipient_id: ben.id, client_id: "c", content: "new" })),
  ack: shows(({ ada, ofBen }) => frame(ada, "ack", { server_id: ofBen, status: "delivered" })),
  delivery: shows(({ ben, ofAda }) => frame(ben, "delivery", { message_id: ofAda })),
  read: shows(({ ada, ofBen }) => frame(ada, "read", { message_id: ofBen })),
  typing: silent(({ ada, ben }) => frame(ada, "typing", { recipient_id: ben.id, is_typing: true })),
  group_read: shows(({ ada, group, groupOfBen }) =>
    frame(ada, "group_read", { group_id: group, last_read_message_id: groupOfBen }),
  ),
  sync: silent(({ ada, ben }) => frame(ada, "sync", { conversations: [{ conversation_id: `user_${ben.id}` }] })),
};

/** All that anybody is told, by person and path. */
async function told(
  by: "live" | "plain" | "database",
  { ada, ben, eve, group, open: publicGroup }: World,
): Promise<Record<string, unknown>> {
  const people = [ada, ben, eve];
  const open = people.filter(({ name }) => !closed.has(name));
  const answers = open.map(async (who) => [
    who.name,
    await readsOf(by === "live" ? pair.live : pair.plain, who, {
      people,
      groups: [group, publicGroup],
      isNew: by === "database",
    }),
  ]);
  return Object.fromEntries(await Promise.all(answers)) as Record<string, unknown>;
}

/** A world with warm caches, and what everybody is told in it. */
interface Warm {
  world: World;
  old: Awaited<ReturnType<typeof told>>;
}

async function warmWorld(before: Write["before"]): Promise<Warm> {
  const world = await newWorld();
  await before?.(world);
  await told("live", world);
  const warm = await told("live", world);
  const old = await told("database", world);
  expect(warm).toEqual(old);
  expect(await told("plain", world)).toEqual(old);
  return { world, old };
}

/** The world of the write before, if others can go on in it: what was told after that one is told before the next. */
let left: Warm | undefined;

async function check({ before, act, shows: isShown, ends }: Write): Promise<void> {
  const { world, old } = (before === undefined ? left : undefined) ?? (await warmWorld(before));
  left = undefined;
  await act(world);
  const now = await told("live", world);
  const right = await told("database", world);
  expect(await told("plain", world)).toEqual(right);
  expect(now).toEqual(right);
  const toTheSame = Object.fromEntries(Object.entries(old).filter(([name]) => !closed.has(name)));
  expect(JSON.stringify(right) !== JSON.stringify(toTheSame)).toBe(isShown);
  if (!ends) left = { world, old: right };
}

describe("after a write everybody is told at once what the database says, from warm caches", () => {
  test.each(Object.keys(byRoute) as MutatingRoute[])("%s", (name) => check(byRoute[name]));
  test.each(Object.keys(byFrame) as InboundType[])("%s frame", (name) => check(byFrame[name]));
});

test("every route that changes something, and every frame, is here", () => {
  const mutating = Object.entries(routes).filter(([, { method }]) => method !== "GET");
  expect(Object.keys(byRoute).toSorted()).toEqual(mutating.map(([name]) => name).toSorted());
  expect(Object.keys(byFrame).toSorted()).toEqual(Object.keys(inboundFrames).toSorted());
});

test("the caches were warm: most of all this was read from Redis or memory", async () => {
  const [memory, redis, missed] = [
    await pair.metric("om_cache_reads_total", 'result="hit_l1"'),
    await pair.metric("om_cache_reads_total", 'result="hit"'),
    await pair.metric("om_cache_reads_total", 'result="miss"'),
  ];
  expect(memory + redis).toBeGreaterThan(2 * missed);
  expect(await pair.metric("om_cache_stale_reads_total")).toBe(0);
});

test("none of these writes was left to the guard of rows that are changed by hand", () => {
  expect(pair.sql("select at, count(*) from guarded group by at")).toBe("");
  pair.sql("update users set full_name = 'by hand' where id = 1");
  expect(pair.sql("select at, count(*) from guarded group by at")).toBe("users UPDATE|1");
});

/** Every key with the milliseconds it has left and the bytes it holds. */
async function allOfRedis(): Promise<{ key: string; ttl: number; values: Buffer[] }[]> {
  await using redis = redisClient(pair.redis);
  await until(redis, true);
  const call = (command: string, ...args: string[]): Promise<Reply> => redis.call(5_000, command, ...args);
  const keys = ((await call("KEYS", "*")) as Buffer[]).map(String);
  const found = keys.map(async (key) => {
    const type = String(await call("TYPE", key));
    // Of type "none" is what has expired meanwhile.
    const reads = { string: ["GET"], set: ["SMEMBERS"], zset: ["ZRANGE", "0", "-1"], none: ["EXISTS"] };
    const [command = "", ...args] = reads[type as keyof typeof reads];
    const value = await call(command, key, ...args);
    return { key, ttl: Number(await call("PTTL", key)), values: [value].flat().filter(Buffer.isBuffer) };
  });
  return (await Promise.all(found)).filter(({ ttl }) => ttl !== -2);
}

/** The longest that a key of each kind may live, in seconds. */
const named = {
  conv: 300,
  group: 300,
  member: 300,
  convlist: 120,
  unread: 60,
  profile: 300,
  about: 300,
  online: 90,
} as const;

test("after all this Redis holds every kind of key, none for longer than it says, and nothing that is nobody's business", async () => {
  const found = await allOfRedis();
  const ageless = new Set(["online:users", "presence:nodes"]);
  for (const { key, ttl } of found) {
    const life = named[key.split(":")[0] as keyof typeof named] ?? 90;
    if (ageless.has(key) || key.startsWith("presence:node:")) expect([key, ttl]).toEqual([key, -1]);
    else expect([key, ttl > 0 && ttl <= life * 1_000]).toEqual([key, true]);
  }
  const kinds = new Set(found.map(({ key }) => key.split(":")[0]));
  expect(kinds).toEqual(new Set([...Object.keys(named), "presence"]));

  const secrets = pair
    .sql(
      `select email from users union select password_hash from users where deleted_at is null union select token_hash from refresh_tokens
       union select token from invites`,
    )
    .split("\n")
    .concat(serverSecret, [...tokens]);
  expect(secrets.length).toBeGreaterThan(100);
  for (const { key, values } of found) {
    for (const bytes of [Buffer.from(key), ...values]) {
      expect([key, secrets.filter((secret) => bytes.includes(secret))]).toEqual([key, []]);
      const text = bytes[0] === 0xdd ? JSON.stringify(decode(bytes)) : bytes.toString();
      expect([key, /[^\s"]@[^\s"]/.exec(text)?.[0]]).toEqual([key, undefined]);
    }
  }
});

/** Everything that somebody has written, as one text. What others see of a profile has a version, which nobody is shown. */
function written(): string {
  const tables =
    "names blocks sessions refresh_tokens socket_tickets groups invites conversations participants messages attachments user_state";
  const all = tables.split(" ").map((table) => `select t::text from ${table} t`);
  const users = "select concat(id, username, full_name, avatar, password_hash, deleted_at, last_seen) as t from users";
  return pair.sql(`select md5(string_agg(x.t, '|' order by x.t)) from (${[...all, users].join(" union all ")}) x`);
}

test(
  "B1: every statement that writes asks whether the account lives, although a token of it is taken for a minute",
  { timeout: 240_000 },
  async () => {
    for (const [name, { before, act }] of Object.entries(byRoute)) {
      if (name === "register") continue;
      const world = await newWorld();
      await before?.(world);
      // What it needs of a live account is there before.
      const link = name === "joinByInvite" || name === "revokeInvite" ? await invite(world) : "";
      const all = `${world.ada.id}, ${world.ben.id}, ${world.eve.id}`;
      pair.sql(`select set_config('om.marked', '1', true); update users set deleted_at = now() where id in (${all})`);
      const old = written();
      const done =
        name === "joinByInvite"
          ? post(world.eve, `/api/join/${link}`)
          : name === "revokeInvite"
            ? remove(world.ada, `/api/groups/${world.group}/invite-links/${link}`)
            : act(world);
      await done.catch(() => undefined);
      expect([name, written() === old]).toEqual([name, true]);
    }
  },
);
