import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { limits } from "@om/protocol";
import { startChatServer, type ChatServer, type TestUser } from "../fixtures/chat-server.ts";

let server: ChatServer;
let ada: TestUser;
let ben: TestUser;
let eve: TestUser;
let round = 0;
beforeAll(async () => {
  server = await startChatServer();
});
beforeEach(async () => {
  round += 1;
  [ada, ben, eve] = [
    await server.register(`ada${round}`),
    await server.register(`ben${round}`),
    await server.register(`eve${round}`),
  ];
});
afterEach(() => server.closeSockets());
afterAll(() => server[Symbol.asyncDispose]());

const say = async (from: TestUser, to: TestUser, content: string): Promise<number> => {
  const body = { recipient_id: to.id, content, client_id: randomUUID() };
  return Number((await server.post("/api/messages", from, body)).body["id"]);
};
const react = (who: TestUser, id: number, emoji: unknown) => server.put(`/api/messages/${id}/reaction`, who, { emoji });
const keep = (who: TestUser, name: string, body: unknown) =>
  server.put(`/api/conversations/${name}/settings`, who, body);
const historyOf = async (who: TestUser, path: string) =>
  ((await server.get(path, who)).body["messages"] as { id: number; reactions?: unknown }[]).map(
    ({ reactions }) => reactions,
  );
const heads = async (who: TestUser, path: string) =>
  (await server.get(path, who)).body["conversations"] as {
    conversation_id: string;
    settings?: unknown;
    last_message: { reactions?: unknown };
  }[];

test("one emoji a person: devices that follow are told, others are not; history, list and changes show it; it is taken back", async () => {
  const id = await say(ada, ben, "look");
  const [following, own, old] = [
    await server.open(ada, "&resume=1"),
    await server.open(ben, "&resume=1"),
    await server.open(ada),
  ];
  const [path, back] = [`/api/messages?recipient_id=${ada.id}`, `/api/messages?recipient_id=${ben.id}`];
  expect(await historyOf(ada, back)).toEqual([undefined]);
  expect((await react(ben, id, "👍")).body).toMatchObject({
    id,
    version: 1,
    reactions: [{ emoji: "👍", user_ids: [ben.id] }],
  });
  expect(await following.next("reaction_update")).toMatchObject({
    user_id: ben.id,
    emoji: "👍",
    conversation_id: `user_${ben.id}`,
    message: { id, reactions: [{ emoji: "👍", user_ids: [ben.id] }], sender: { id: ada.id } },
  });
  expect(await own.next("reaction_update")).toMatchObject({ conversation_id: `user_${ada.id}`, message: { id } });
  await react(ada, id, "❤");
  await react(ben, id, "❤️");
  const both = [{ emoji: "❤️", user_ids: [ada.id, ben.id] }];
  expect([await historyOf(ben, path), await historyOf(ada, back)]).toEqual([[both], [both]]);
  expect((await heads(ada, "/api/conversations"))[0]?.last_message.reactions).toEqual(both);
  const changes = `/api/messages/changes?conversation_id=user_${ben.id}&ver=1`;
  expect(await historyOf(ada, changes)).toEqual([both]);
  const { ver } = (await react(ben, id, "❤")).body;
  expect((await react(ben, id, null)).body["ver"]).toBe(Number(ver) + 1);
  await react(ada, id, "");
  expect([await historyOf(ada, changes), await historyOf(ada, back)]).toEqual([[[]], [[]]]);
  await old.settled();
  expect(old.frames.filter(({ type }) => type === "reaction_update")).toEqual([]);
});

test("what is no emoji, of foreign or deleted messages, of somebody who is blocked, and too much is refused", async () => {
  const id = await say(ada, ben, "mine");
  const texts = ["👍👍", "ab", "1", "<b>", "x".repeat(1_000), "\u0000"];
  const codes = await Promise.all(texts.map(async (text) => (await react(ben, id, text)).body["code"]));
  expect(new Set(codes)).toEqual(new Set(["invalid_emoji"]));
  expect((await react(ben, id, 5)).body["code"]).toBe("invalid_request_body");
  expect((await react(eve, id, "👍")).body["code"]).toBe("message_not_found");
  await react(ben, id, "👍");
  await server.post(`/api/users/block/${ben.id}`, ada, {});
  expect((await react(ben, id, "👎")).body["code"]).toBe("forbidden");
  await server.remove(`/api/messages/${id}`, ada);
  expect((await react(ada, id, "👍")).body["code"]).toBe("message_not_found");
});

test("in a group all members are told alike, and a message holds so many kinds and no more", async () => {
  const group = Number((await server.post("/api/groups", ada, { name: "Kinds" })).body["id"]);
  const others = await Promise.all(Array.from({ length: limits.reactionKinds }, (_, i) => server.register(`kind${i}`)));
  for (const { id } of [ben, ...others]) await server.post(`/api/groups/${group}/members`, ada, { user_id: id });
  const sent = await server.post(`/api/groups/${group}/messages`, ada, { client_id: "g", content: "all" });
  const id = Number(sent.body["id"]);
  const socket = await server.open(ben, "&resume=1");
  await Promise.all(others.map((who, i) => react(who, id, String.fromCodePoint(0x1f600 + i))));
  expect(await socket.next("reaction_update")).toMatchObject({ conversation_id: `group_${group}`, message: { id } });
  expect((await react(ada, id, "🔥")).body["code"]).toBe("too_many_reactions");
  expect((await react(ada, id, "😀")).status).toBe(200);
  const [reactions] = await historyOf(ben, `/api/groups/${group}/messages`);
  expect(reactions).toHaveLength(limits.reactionKinds);
});

test("mentions are counted until they are read, and a forwarded message says who wrote it first, to whom the sender could read", async () => {
  const group = Number((await server.post("/api/groups", ada, { name: "Mentions" })).body["id"]);
  await server.post(`/api/groups/${group}/members`, ada, { user_id: ben.id });
  const tell = (who: TestUser, content: string, more: object) =>
    server.post(`/api/groups/${group}/messages`, who, { client_id: content, content, ...more });
  const socket = await server.open(ben, "&resume=1");
  const count = async (who: TestUser) =>
    ((await heads(who, "/api/conversations")) as { conversation_id: string; mention_count?: number }[]).find(
      ({ conversation_id: id }) => id === `group_${group}`,
    )?.mention_count;
  const first = await tell(ada, "@ben", { mentions: [ben.id, ben.id, 0] });
  expect(first.body["mentions"]).toEqual([ben.id]);
  expect(await socket.next("message")).toMatchObject({ message: { mentions: [ben.id] } });
  await tell(ada, "nobody", { mentions: null });
  await tell(ada, "@all", { mentions: [ben.id, ada.id] });
  expect([await count(ben), await count(ada)]).toEqual([2, undefined]);
  await react(ben, Number(first.body["id"]), "👍");
  const shown = (await server.get(`/api/groups/${group}/messages`, ada)).body["messages"];
  expect((shown as object[]).at(-1)).toMatchObject({ mentions: [ben.id], reactions: [{ emoji: "👍" }] });
  await server.post(`/api/groups/${group}/read`, ben, { last_read_message_id: first.body["id"] });
  expect(await count(ben)).toBe(1);

  const forward = async (who: TestUser, id: unknown, to: TestUser) =>
    (await server.post("/api/messages", who, { recipient_id: to.id, content: "@ben", forward_of_id: id })).body;
  const passed = await forward(ben, first.body["id"], eve);
  expect([passed["forwarded_from"], passed["mentions"]]).toEqual([ada.id, undefined]);
  expect((await forward(eve, passed["id"], eve))["forwarded_from"]).toBe(ada.id);
  expect(await forward(eve, first.body["id"], eve)).not.toHaveProperty("forwarded_from");
  expect(await forward(eve, 1e300, eve)).toMatchObject({ error: expect.anything() as unknown });
  socket.send("chat", { client_id: "f", recipient_id: eve.id, content: "again", forward_of_id: passed["id"] });
  await socket.next("ack");
  const pushed = (await server.get(`/api/messages?recipient_id=${eve.id}&limit=1`, ben)).body["messages"];
  expect(pushed).toMatchObject([{ content: "again", forwarded_from: ada.id }]);
});

test("pinned, archived and muted: kept for one person on all devices, told to those that follow, in the list and in changes", async () => {
  await say(ada, ben, "hello");
  const name = `user_${ben.id}`;
  const [own, other, old] = [
    await server.open(ada, "&resume=1"),
    await server.open(ben, "&resume=1"),
    await server.open(ada),
  ];
  const { cursor } = (await server.get("/api/changes", ada)).body;
  expect((await heads(ada, "/api/conversations"))[0]).not.toHaveProperty("settings");
  const muted = await keep(ada, name, { pinned: true, muted_until: "2100-01-01T02:00:00+02:00" });
  const settings = { pinned: true, muted_until: "2100-01-01T00:00:00.000Z" };
  expect(muted).toMatchObject({ status: 200, body: { conversation_id: name, settings } });
  expect(await own.next("settings_update")).toMatchObject({ conversation_id: name, settings });
  expect((await heads(ada, "/api/conversations"))[0]?.settings).toEqual(settings);
  expect((await heads(ada, `/api/changes?cursor=${String(cursor)}`))[0]?.settings).toEqual(settings);
  expect((await heads(ben, "/api/conversations"))[0]).not.toHaveProperty("settings");
  await keep(ada, name, { archived: true, pinned: false });
  const rest = await keep(ada, name, { muted_until: null });
  expect(rest.body["settings"]).toEqual({ archived: true });
  await Promise.all([other.settled(), old.settled()]);
  expect([...other.frames, ...old.frames].filter(({ type }) => type === "settings_update")).toEqual([]);
  const refused = [
    await keep(ada, `user_${eve.id}`, { pinned: true }),
    await keep(ada, "talk_1", { pinned: true }),
    await keep(ada, name, { muted_until: "tomorrow" }),
    await keep(ada, name, { pinned: "yes" }),
  ].map(({ body }) => body["code"]);
  expect(refused).toEqual([
    "conversation_not_found",
    "invalid_conversation_id",
    "invalid_time",
    "invalid_request_body",
  ]);
});
