import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Received } from "../fixtures/chat-server.ts";
import {
  installApp,
  say,
  type MobileApp,
  type MobileMessage,
  type MobileSocket,
  type MobileWorld,
} from "../fixtures/mobile-app.ts";
import { jpeg, png } from "../fixtures/pictures.ts";
import { startTestServer, type TestServer } from "../fixtures/test-server.ts";

type Target = { recipient_id: number } | { group_id: number };
interface Group {
  id: number;
  name: string;
  icon: string;
}
const textsOf = (messages: { content: string }[]) => messages.map(({ content }) => content);
/** Frames that tell of edits and deletes. */
const changesIn = (frames: Received[]) => frames.filter(({ type }) => /_edit$|_delete$/.test(type));

describe("the newest mobile app", () => {
  let server: TestServer;
  let world: MobileWorld;
  let round = 0;
  let ann: MobileApp;
  let ben: MobileApp;
  let eve: MobileApp;
  beforeAll(async () => {
    server = await startTestServer({ env: { FRAME_RATE: "", AVATAR_LIMIT: "", ATTACHMENT_LIMIT: "" } });
    world = { server, app: "newest", faults: [], extras: [], sockets: [] };
  });
  beforeEach(async () => {
    round += 1;
    const install = (name: string) => installApp(world, `${name}${round}`);
    [ann, ben, eve] = await Promise.all([install("ann"), install("ben"), install("eve")]);
    world.extras.length = 0;
  });
  afterEach(async () => {
    await hangUp(...world.sockets.splice(0));
    expect(world.faults).toEqual([]);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  async function hangUp(...sockets: MobileSocket[]): Promise<void> {
    for (const { ws } of sockets) ws.close();
    await Promise.all(sockets.map(({ closed }) => closed));
  }
  async function newGroup(name: string, ...members: MobileApp[]): Promise<number> {
    const { body } = await ann.call<Group>("POST", "/groups", { name, description: "", is_public: false });
    for (const { id } of members) await ann.call("POST", `/groups/${body.id}/members`, { user_id: id });
    return body.id;
  }
  async function post(from: MobileApp, to: Target, content: string, more = {}): Promise<number> {
    const socket = await from.open();
    from.send(socket, to, content, more);
    const id = (await socket.next("ack"))["server_id"] as number;
    await hangUp(socket);
    return id;
  }
  /** On a phone that has everything so far. */
  async function received(app: MobileApp): Promise<MobileSocket> {
    const socket = await app.open();
    await socket.settled();
    return socket;
  }
  const history = async (app: MobileApp, of: string): Promise<(MobileMessage & { version: number })[]> =>
    (await app.call<{ messages: (MobileMessage & { version: number })[] }>("GET", of)).body.messages;
  const conversationsOf = async (app: MobileApp): Promise<string[]> =>
    (
      await app.call<{ conversations: { conversation_id: string }[] }>("GET", "/conversations?limit=100")
    ).body.conversations.map((entry) => entry.conversation_id);
  const groupIds = async (app: MobileApp) => (await app.call<Group[]>("GET", "/groups")).body.map(({ id }) => id);

  test("edit and delete, live: in a direct chat and in a group", async () => {
    const club = await newGroup("Club", ben);
    const to = await ben.open();
    for (const [target, place] of [
      [{ recipient_id: ben.id }, { sender_id: ann.id, recipient_id: ben.id, group_id: null }],
      [{ group_id: club }, { sender_id: ann.id, recipient_id: null, group_id: club }],
    ] as const) {
      const id = await post(ann, target, "helo");
      await to.next("message");
      const edited = await ann.call("PUT", `/messages/${id}`, { content: "hello" });
      expect(edited).toMatchObject({ status: 200, body: { id, content: "hello", version: 2, ...place } });
      expect((await to.next("message_edit"))["message"]).toMatchObject({ id, content: "hello", version: 2, ...place });
      expect((await ann.call("DELETE", `/messages/${id}`)).status).toBe(200);
      expect((await to.next("message_delete"))["message"]).toMatchObject({ id, ...place });
    }
    expect(await history(ben, `/messages?recipient_id=${ann.id}&limit=20`)).toEqual([]);
    expect(await history(ben, `/groups/${club}/messages?limit=20`)).toEqual([]);
    expect(world.extras).toEqual([]);
  });

  test("edit and delete of what a phone had, told after it was offline: single frames, beside the batch of what is new", async () => {
    const club = await newGroup("Club", ben);
    const [edited, deleted, inGroup] = [
      await post(ann, { recipient_id: ben.id }, "one"),
      await post(ann, { recipient_id: ben.id }, "two"),
      await post(ann, { group_id: club }, "three"),
    ];
    const first = await received(ben);
    expect(textsOf(first.messages)).toEqual(["one", "two", "three"]);
    await hangUp(first);
    await ann.call("PUT", `/messages/${edited}`, { content: "one!" });
    await ann.call("DELETE", `/messages/${deleted}`);
    await ann.call("DELETE", `/messages/${inGroup}`);
    await post(ann, { recipient_id: ben.id }, "four");

    const second = await received(ben);
    expect(textsOf(second.messages)).toEqual(["four"]);
    expect((await second.next("message_edit"))["message"]).toMatchObject({ id: edited, content: "one!", version: 2 });
    const gone = [await second.next("message_delete"), await second.next("message_delete")];
    expect(gone.map(({ message }) => (message as MobileMessage).id)).toEqual(
      expect.arrayContaining([deleted, inGroup]),
    );
    const batches = second.frames.filter(({ type }) => type === "batch");
    const inner = batches.flatMap((frame) => (frame["messages"] as Received[]).map(({ type }) => type));
    expect([changesIn(second.frames).length, inner]).toEqual([3, ["message"]]);
  });

  test("delete a conversation for everyone: the other's phone drops it, live or when it comes back", async () => {
    await post(ann, { recipient_id: ben.id }, "secret");
    const live = await received(ben);
    expect((await ann.call("DELETE", `/conversations/user_${ben.id}?everyone=true`)).status).toBe(200);
    expect(await live.next("conversation_delete")).toMatchObject({ conversation_id: `user_${ann.id}` });
    expect([await conversationsOf(ann), await conversationsOf(ben)]).toEqual([[], []]);

    await post(ann, { recipient_id: ben.id }, "again");
    await live.next("message");
    await live.settled();
    await hangUp(live);
    await ann.call("DELETE", `/conversations/user_${ben.id}?everyone=true`);
    await post(ann, { recipient_id: ben.id }, "new");
    const back = await received(ben);
    expect(changesIn(back.frames)).toMatchObject([{ type: "conversation_delete", conversation_id: `user_${ann.id}` }]);
    const order = back.frames.filter(({ type }) => type !== "user_status").map(({ type }) => type);
    expect([order, textsOf(back.messages)]).toEqual([["conversation_delete", "batch"], ["new"]]);
    expect(textsOf(await history(ben, `/messages?recipient_id=${ann.id}&limit=20`))).toEqual(["new"]);
  });

  test("delete a conversation for oneself: nobody else is told, what comes later shows", async () => {
    const club = await newGroup("Club", ben);
    await post(ann, { recipient_id: ben.id }, "kept by ben");
    await post(ann, { group_id: club }, "kept by ben too");
    const [to, own] = [await received(ben), await ann.open()];
    for (const name of [`user_${ben.id}`, `group_${club}`]) {
      expect((await ann.call("DELETE", `/conversations/${name}?everyone=false`)).status).toBe(200);
    }
    expect(await history(ann, `/messages?recipient_id=${ben.id}&limit=20`)).toEqual([]);
    expect(await history(ann, `/groups/${club}/messages?limit=20`)).toEqual([]);
    ben.send(to, { recipient_id: ann.id }, "later");
    expect((await own.next("message"))["message"]).toMatchObject({ content: "later" });
    await to.settled();
    expect(changesIn(to.frames)).toEqual([]);
    const kept = await history(ben, `/messages?recipient_id=${ann.id}&limit=20`);
    expect(textsOf(kept)).toEqual(["later", "kept by ben"]);
    expect(textsOf(await history(ann, `/messages?recipient_id=${ben.id}&limit=20`))).toEqual(["later"]);
    expect(await groupIds(ann)).toEqual([club]);
  });

  test("an attachment's URL is the content of an image message and is fetched with the token", async () => {
    const picture = await png();
    const { status, body } = await ann.upload<{ url: string }>("/media/attachments", "attachment", picture);
    expect([status, body.url]).toEqual([200, expect.stringMatching(/^https?:\/\/[^/]+\/.+/)]);
    const club = await newGroup("Club", ben);
    const to = await ben.open();
    for (const target of [{ recipient_id: ben.id }, { group_id: club }]) {
      await post(ann, target, body.url, { message_type: "image" });
      const { message } = (await to.next("message")) as unknown as { message: MobileMessage };
      expect(message).toMatchObject({ content: body.url, message_type: "image" });
      for (const app of [ann, ben]) {
        const image = await app.image(message.content);
        expect([image.status, image.headers["content-type"], image.bytes.length > 0]).toEqual([200, "image/png", true]);
      }
    }
    expect((await eve.image(body.url)).status).toBe(404);
  });

  test("a group: edit, handle, avatar, members in and out", async () => {
    const club = await newGroup("Club", ben);
    const to = await ben.open();
    expect(await groupIds(ben)).toEqual([club]);
    const face = { name: "Club!", description: "Ours", is_public: true, handle: "club_open" };
    const edited = await ann.call("PUT", `/groups/${club}`, face);
    expect(edited).toMatchObject({ status: 200, body: { id: club, creator_id: ann.id, ...face } });
    const closed = await ann.call("PUT", `/groups/${club}`, { name: "Club!", description: "Ours", is_public: false });
    expect(closed.body).toMatchObject({ id: club, is_public: false });
    expect(closed.body).not.toHaveProperty("handle");

    const painted = await ann.upload<Group>(`/groups/${club}/avatar`, "avatar", await jpeg());
    expect(painted).toMatchObject({ status: 200, body: { id: club, name: "Club!" } });
    expect((await ben.image(painted.body.icon)).headers["content-type"]).toBe("image/jpeg");
    const entry = await ben.call("GET", "/conversations?limit=100");
    expect(entry.body["conversations"]).toMatchObject([{ group: { id: club, icon: painted.body.icon } }]);

    await post(ann, { group_id: club }, "welcome");
    await to.next("message");
    const added = await ann.call("POST", `/groups/${club}/members`, { user_id: eve.id });
    expect([added.status, await groupIds(eve)]).toEqual([200, [club]]);
    expect((await ann.call("DELETE", `/groups/${club}/members/${ben.id}`)).status).toBe(200);
    expect(await to.next("conversation_delete")).toMatchObject({ conversation_id: `group_${club}` });
    expect([await groupIds(ben), await conversationsOf(ben)]).toEqual([[], []]);
    const members = await ann.call<{ id: number }[]>("GET", `/groups/${club}/members`);
    expect(new Set(members.body.map(({ id }) => id))).toEqual(new Set([ann.id, eve.id]));
    expect((await ben.call("DELETE", `/groups/${club}/members/${eve.id}`)).status).toBeGreaterThanOrEqual(400);
    expect(world.extras).toEqual([]);
  });

  test("check-handle: free, taken by a group, by a user; a group's own name is free for it", async () => {
    const handle = "handle_free";
    const isFree = async (query: string) =>
      (await ann.call("GET", `/groups/check-handle?handle=${query}`)).body["available"];
    expect(await isFree(handle)).toBe(true);
    const made = await ann.call<Group>("POST", "/groups", { name: "Open", description: "", is_public: true, handle });
    expect(made.status).toBe(201);
    const own = `&exclude_group_id=${made.body.id}`;
    expect([await isFree(handle), await isFree(handle + own)]).toEqual([false, true]);
    expect([await isFree(ben.name + own), await isFree(ben.name)]).toEqual([false, false]);
    const refused = await ann.call("POST", "/groups", { name: "Ben", is_public: true, handle: ben.name });
    expect(refused).toMatchObject({ status: 400, body: { error: "handle already taken" } });
    await ann.call("PUT", `/groups/${made.body.id}`, { name: "Open", description: "", is_public: false });
    expect(await isFree(handle)).toBe(true);
  });

  test("a block: listed and marked, the blocked one is acknowledged and never heard, until it is lifted", async () => {
    await post(eve, { recipient_id: ann.id }, "before");
    const [phone, foe] = [await ann.open(), await eve.open()];
    const blocks = async () => (await ann.call<{ users: object[] }>("GET", "/users/blocks")).body.users;
    expect(await blocks()).toEqual([]);
    expect((await ann.call("POST", `/users/block/${eve.id}`, {})).status).toBe(200);
    expect(await blocks()).toMatchObject([{ id: eve.id, username: eve.name, is_blocked: true }]);
    const peer = async () => (await ann.call("GET", "/conversations?limit=100")).body["conversations"];
    expect(await peer()).toMatchObject([{ peer: { id: eve.id, is_blocked: true } }]);
    eve.send(foe, { recipient_id: ann.id }, "hidden");
    expect(await foe.next("ack")).toMatchObject({ payload: { status: "sent" } });
    expect((await ann.call("POST", `/users/unblock/${eve.id}`, {})).status).toBe(200);
    expect(await blocks()).toEqual([]);
    world.extras.length = 0;
    eve.send(foe, { recipient_id: ann.id }, "heard");
    await phone.next("message");
    expect(textsOf(phone.messages)).toEqual(["before", "heard"]);
    expect(await peer()).toMatchObject([{ peer: { id: eve.id } }]);
    expect((await eve.call<{ users: object[] }>("GET", `/users/search?q=${ann.name}`)).body.users).toHaveLength(1);
    expect(world.extras).toEqual([]);
  });

  test("a reply carries the message it answers, live, waiting and in history; a plain message carries neither key", async () => {
    const club = await newGroup("Club", ben);
    const to = await ben.open();
    for (const [target, of] of [
      [{ recipient_id: ben.id }, `/messages?recipient_id=${ann.id}&limit=20`],
      [{ group_id: club }, `/groups/${club}/messages?limit=20`],
    ] as const) {
      const id = await post(ann, target, "When?");
      await to.next("message");
      expect(world.extras).toEqual([]);
      await post(ann, target, "At noon", { reply_to_id: id });
      const wanted = { content: "At noon", reply_to_id: id, reply_to: { id, content: "When?", sender_id: ann.id } };
      expect((await to.next("message"))["message"]).toMatchObject(wanted);
      const [reply, plain] = await history(ben, of);
      expect(reply).toMatchObject(wanted);
      expect(Object.keys(plain ?? {}).filter((key) => key.startsWith("reply_to"))).toEqual([]);
      world.extras.length = 0;
    }
    await to.settled();
    await hangUp(to);
    const asked = await post(ann, { recipient_id: ben.id }, "Where?");
    await post(ann, { recipient_id: ben.id }, "Here", { reply_to_id: asked });
    const back = await received(ben);
    expect(back.messages).toMatchObject([{ content: "Where?" }, { content: "Here", reply_to: { content: "Where?" } }]);
  });

  test("typing in a group reaches the other members with its conversation", async () => {
    const club = await newGroup("Club", ben, eve);
    const [from, ...others] = [await ann.open(), await ben.open(), await eve.open()];
    for (const isTyping of [true, false]) {
      say(from, "typing", { group_id: club, is_typing: isTyping });
      for (const socket of others) {
        const typing = { sender_id: ann.id, is_typing: isTyping, conversation_id: `group_${club}` };
        expect(await socket.next("typing")).toMatchObject(typing);
      }
    }
    await from.settled();
    expect(from.frames.filter(({ type }) => type === "typing")).toEqual([]);
  });

  test("user_status: to whom somebody has written hears that they came", async () => {
    const [peer, stranger] = [await ben.open(), await eve.open()];
    await post(ann, { recipient_id: ben.id }, "salam");
    await peer.next("message");
    expect(await peer.next("user_status")).toMatchObject({ user_id: ann.id, is_online: false });
    await ann.open();
    expect(await peer.next("user_status")).toMatchObject({ user_id: ann.id, is_online: true });
    await stranger.settled();
    expect(stranger.frames).toEqual([]);
  });
});
