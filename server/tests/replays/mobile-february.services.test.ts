import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { versionStore } from "../../src/releases/version-store.ts";
import { installApp, say, type MobileApp, type MobileMessage, type MobileWorld } from "../fixtures/mobile-app.ts";
import { jpeg } from "../fixtures/pictures.ts";
import { startTestServer, type TestServer } from "../fixtures/test-server.ts";

interface Entry {
  conversation_id: string;
  peer: { id: number } | null;
  last_message: MobileMessage | null;
  unread_count: number;
}
interface Page {
  conversations: Entry[];
  next_cursor_created_at?: string;
  next_cursor_message_id?: number;
}
interface Synced {
  results: { conversation_id: string; messages: MobileMessage[] }[];
}
const contents = (messages: { content: string }[]) => messages.map(({ content }) => content);
const numbered = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `no ${from + i}`);

describe("the mobile app of February", () => {
  let server: TestServer;
  let world: MobileWorld;
  let round = 0;
  beforeAll(async () => {
    server = await startTestServer({
      // One person makes a hundred groups.
      env: { USER_LIMITS: "10", AVATAR_LIMIT: "" },
      prepare: (db) =>
        versionStore(db).publish({
          platform: "android",
          version: "2.1.0",
          build: 21,
          url: "https://apps.example.org/om.apk",
          changelog: "Faster",
          force: false,
          minBuild: 20,
        }),
    });
    world = { server, app: "february", faults: [], extras: [], sockets: [] };
  });
  afterEach(async () => {
    for (const { ws } of world.sockets) ws.close();
    await Promise.all(world.sockets.splice(0).map(({ closed }) => closed));
    expect([world.faults, world.extras]).toEqual([[], []]);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const install = (...names: string[]) => {
    round += 1;
    return Promise.all(names.map((name) => installApp(world, `${name}${round}`)));
  };
  async function two(): Promise<[MobileApp, MobileApp]> {
    const [ann, ben] = await install("ann", "ben");
    return [ann as MobileApp, ben as MobileApp];
  }
  const newGroup = async (app: MobileApp, name: string, more = {}) =>
    (await app.call<{ id: number }>("POST", "/groups", { name, description: "", is_public: false, ...more })).body.id;
  async function invite(admin: MobileApp, groupId: number, ...guests: MobileApp[]): Promise<void> {
    const link = await admin.call<{ token: string }>("POST", `/groups/${groupId}/invite-links`, {});
    for (const guest of guests) expect((await guest.call("POST", `/join/${link.body.token}`)).status).toBe(200);
  }
  /** Sends texts by a socket of its own; gives their ids. */
  async function post(from: MobileApp, to: { recipient_id: number } | { group_id: number }, texts: string[]) {
    const socket = await from.open();
    for (const text of texts) from.send(socket, to, text);
    const ids: number[] = [];
    while (ids.length < texts.length) ids.push((await socket.next("ack"))["server_id"] as number);
    return ids;
  }
  async function allConversations(app: MobileApp): Promise<{ entries: Entry[]; cursors: unknown[] }> {
    const entries: Entry[] = [];
    const cursors: unknown[] = [];
    let cursor = "";
    for (let page = 0; page < 20; page++) {
      const { body } = await app.call<Page>("GET", `/conversations?limit=100${cursor}`);
      entries.push(...body.conversations);
      const { next_cursor_created_at: createdAt, next_cursor_message_id: messageId } = body;
      if (typeof createdAt !== "string" || typeof messageId !== "number") break;
      cursors.push(messageId);
      cursor = `&cursor_created_at=${encodeURIComponent(createdAt)}&cursor_message_id=${messageId}`;
    }
    return { entries, cursors };
  }
  const history = async (app: MobileApp, of: string) =>
    (await app.call<{ messages: MobileMessage[] }>("GET", `${of}${of.includes("?") ? "&" : "?"}limit=20`)).body
      .messages;

  test("cold start: profile by tag, all pages past empty groups, peers, groups, then 200 rows of every conversation", async () => {
    const [ann, ben] = await two();
    const texts = numbered(1, 150);
    const [club, silent] = [await newGroup(ben, "Club"), await newGroup(ben, "Silent")];
    await invite(ben, club, ann);
    await invite(ben, silent, ann);
    await post(ben, { recipient_id: ann.id }, texts);
    await post(ben, { group_id: club }, ["salam", "hello"]);
    const own = await Promise.all(Array.from({ length: 100 }, (_, i) => newGroup(ann, `Own ${i}`)));

    const login = { email: `${ann.name}@example.org`, password: "ten letters" };
    const opened = await ann.call<{ access_token: string }>("POST", "/auth/login", login);
    ann.tokens.access = opened.body.access_token;
    const me = await server.request("GET", "/api/users/me", { headers: ann.headers() });
    const tag = me.headers.etag ?? "";
    expect(tag).not.toBe("");
    const known = { headers: { ...ann.headers(), "if-none-match": tag } };
    const unchanged = await server.request("GET", "/api/users/me", known);
    expect([unchanged.status, unchanged.text]).toEqual([304, ""]);

    const { entries, cursors } = await allConversations(ann);
    const wanted = [`user_${ben.id}`, ...[club, silent, ...own].map((id) => `group_${id}`)];
    expect(entries.map((entry) => entry.conversation_id).toSorted()).toEqual(wanted.toSorted());
    expect([cursors, entries[99]?.last_message]).toEqual([[0], null]);
    expect(entries.find(({ peer }) => peer?.id === ben.id)).toMatchObject({
      unread_count: 150,
      last_message: { content: "no 150" },
    });
    const recent = await ann.call<{ peers: { peer: { id: number } }[] }>("GET", "/conversations/peers?limit=100");
    expect(recent.body.peers.map(({ peer }) => peer.id)).toEqual([ben.id]);
    expect((await ann.call<unknown[]>("GET", "/groups")).body).toHaveLength(102);

    const asked = entries.map((entry) => ({ conversation_id: entry.conversation_id, last_message_id: 0 }));
    const synced = await ann.call<Synced>("POST", "/messages/sync", { conversations: asked, limit: 200 });
    expect(synced.body.results.map((result) => result.conversation_id)).toEqual(
      asked.map((one) => one.conversation_id),
    );
    const messagesOf = (name: string) =>
      contents(synced.body.results.find((result) => result.conversation_id === name)?.messages ?? []);
    expect(messagesOf(`user_${ben.id}`)).toEqual(texts);
    expect(messagesOf(`group_${club}`)).toEqual(["salam", "hello"]);
    expect(synced.body.results.flatMap(({ messages }) => messages)).toHaveLength(152);
  });

  test("background: conversations once, then sync with 50 from where the app is", async () => {
    const [ann, ben] = await two();
    const ids = await post(ben, { recipient_id: ann.id }, numbered(1, 60));
    const { body } = await ann.call<Page>("GET", "/conversations");
    expect(body.conversations).toMatchObject([{ conversation_id: `user_${ben.id}`, unread_count: 60 }]);
    const sync = async (last: number | undefined) => {
      const conversations = [{ conversation_id: `user_${ben.id}`, last_message_id: last }];
      return (await ann.call<Synced>("POST", "/messages/sync", { conversations, limit: 50 })).body.results[0]?.messages;
    };
    expect(contents((await sync(ids[4])) ?? [])).toEqual(numbered(6, 55));
    expect(contents((await sync(ids[54])) ?? [])).toEqual(numbered(56, 60));
    expect(await sync(ids[59])).toEqual([]);
  });

  test("a ping every 5 seconds is answered, alone among frames that come uncompressed or as gzip by their length", async () => {
    const [ann, ben] = await two();
    const [from, to] = [await ann.open(), await ben.open()];
    say(from, "ping", {});
    await from.next("pong");
    const long = "long ".repeat(400).trim();
    for (const text of ["short", long]) {
      ann.send(from, { recipient_id: ben.id }, text);
      expect(await from.next("ack")).toMatchObject({ binary: false, payload: { status: "sent" } });
    }
    say(from, "typing", { recipient_id: ben.id, is_typing: true, conversation_id: `user_${ben.id}` });
    expect(await to.next("typing")).toMatchObject({ sender_id: ann.id, is_typing: true, binary: false });
    expect(contents(to.messages)).toEqual(["short", long]);
    for (const { binary, ...frame } of to.frames) {
      expect([frame.type, binary]).toEqual([frame.type, Buffer.byteLength(JSON.stringify(frame)) > 512]);
    }
    expect(to.frames.filter(({ type }) => type === "message").at(1)).toMatchObject({ binary: true });
  });

  test("what waited comes in batches of 50, is acknowledged one by one, and does not come again", async () => {
    const [ann, ben] = await two();
    const ids = await post(ann, { recipient_id: ben.id }, numbered(1, 60));
    const author = world.sockets.at(-1);
    const device = await ben.open();
    const batches = device.frames.filter(({ type }) => type !== "user_status");
    expect(batches.map(({ type, count, binary }) => [type, count, binary])).toEqual([
      ["batch", 50, false],
      ["batch", 10, false],
    ]);
    expect(contents(device.messages)).toEqual(numbered(1, 60));
    await device.settled();
    let told = 0;
    while (told !== ids.at(-1)) told = (await author?.next("delivery_update"))?.["last_delivered_message_id"] as number;
    device.ws.close();
    await device.closed;
    expect((await ben.open()).messages).toEqual([]);
    const page = await history(ann, `/messages?recipient_id=${ben.id}`);
    expect(page.map(({ status }) => status)).toEqual(page.map(() => "delivered"));
  });

  test("an open direct chat: read first, delivered after, and the message stays read", async () => {
    const [ann, ben] = await two();
    const [before = 0] = await post(ann, { recipient_id: ben.id }, ["before"]);
    const [from, to] = [await ann.open(), await ben.open()];
    const read = (last: number) => ({ user_id: ben.id, conversation_id: `user_${ben.id}`, last_read_message_id: last });
    to.openChat = `user_${ann.id}`;
    expect((await ben.call("POST", `/conversations/${ann.id}/read`)).body).toEqual({ cleared: 1, ok: true });
    expect(await from.next("read_update")).toMatchObject(read(before));
    const again = ann.send(from, { recipient_id: ben.id }, "now");
    const id = (await from.next("ack"))["server_id"] as number;
    expect(await from.next("read_update")).toMatchObject(read(id));
    await to.settled();
    for (const app of [ann, ben]) {
      const other = app === ann ? ben : ann;
      const page = await history(app, `/messages?recipient_id=${other.id}`);
      expect(page.map((message) => [message.content, message.status, message.is_read])).toEqual([
        ["now", "read", true],
        ["before", "read", true],
      ]);
    }
    say(from, "chat", { client_id: again, recipient_id: ben.id, content: "now", message_type: "text" });
    expect(await from.next("ack")).toMatchObject({ payload: { server_id: id, status: "read" } });
    expect((await ben.call<Page>("GET", "/conversations")).body.conversations).toMatchObject([{ unread_count: 0 }]);
  });

  test("an open group: read, members, read-state, and group_read to the others", async () => {
    const [ann, ben] = await two();
    const club = await newGroup(ann, "Club");
    await invite(ann, club, ben);
    const ids = await post(ann, { group_id: club }, numbered(1, 25));
    const [from, to] = [await ann.open(), await ben.open()];
    to.openChat = `group_${club}`;
    expect((await ben.call("POST", `/groups/${club}/read`, { last_read_message_id: ids[24] })).body).toEqual({
      last_read_message_id: ids[24],
      latest_group_message_id: ids[24],
      ok: true,
    });
    const members = await ben.call<{ id: number }[]>("GET", `/groups/${club}/members`);
    expect(new Set(members.body.map(({ id }) => id))).toEqual(new Set([ann.id, ben.id]));
    const state = await ben.call<{ members: object[] }>("GET", `/groups/${club}/read-state`);
    expect(state.body).toMatchObject({ my_last_read_message_id: ids[24] });
    expect(state.body.members).toContainEqual({ user_id: ben.id, last_read_message_id: ids[24] });
    say(to, "group_read", { group_id: club, last_read_message_id: ids[24] });
    const update = { group_id: club, user_id: ben.id };
    expect(await from.next("group_read_update")).toMatchObject({ ...update, last_read_message_id: ids[24] });
    ann.send(from, { group_id: club }, "live");
    const id = (await from.next("ack"))["server_id"] as number;
    expect(await from.next("group_read_update")).toMatchObject({ ...update, last_read_message_id: id });
    const pages = [await history(ben, `/groups/${club}/messages`)];
    pages.push(await history(ben, `/groups/${club}/messages?cursor=${pages[0]?.at(-1)?.id}`));
    expect(pages.map(contents)).toEqual([["live", ...numbered(7, 25).toReversed()], numbered(1, 6).toReversed()]);
  });

  test("history: pages of 20 to the end, contiguous with the ids that were acknowledged", async () => {
    const [ann, ben] = await two();
    const ids = await post(ann, { recipient_id: ben.id }, numbered(1, 45));
    const seen: number[] = [];
    const sizes: number[] = [];
    let cursor = "";
    for (let more = true; more;) {
      const path = `/messages?recipient_id=${ann.id}&limit=20${cursor}`;
      const { body } = await ben.call<{ messages: MobileMessage[]; next_cursor?: number }>("GET", path);
      seen.push(...body.messages.map(({ id }) => id));
      sizes.push(body.messages.length);
      more = body.next_cursor !== undefined;
      cursor = `&cursor=${body.next_cursor}`;
    }
    expect(sizes).toEqual([20, 20, 5, 0]);
    expect(seen).toEqual(ids.toReversed());
  });

  test("outbox: what is sent again is one row, pushed once, and acknowledged every time", async () => {
    const [ann, ben] = await two();
    const [from, to] = [await ann.open(), await ben.open()];
    const chat = { client_id: "7d0f6f0e-outbox", recipient_id: ben.id, content: "once", message_type: "text" };
    for (let i = 0; i < 3; i++) say(from, "chat", chat);
    const acks = [await from.next("ack"), await from.next("ack"), await from.next("ack")];
    expect(new Set(acks.map((ack) => ack["server_id"])).size).toBe(1);
    for (const ack of acks) expect(ack["payload"]).toMatchObject({ client_id: chat.client_id });
    say(from, "chat", { client_id: "foreign", group_id: 1_000_000, content: "no", message_type: "text" });
    expect(await from.next("error")).toMatchObject({ code: "not_group_member", client_id: "foreign" });
    const next = await ann.open();
    say(next, "chat", chat);
    expect((await next.next("ack"))["server_id"]).toBe(acks[0]?.["server_id"]);
    // What is too long is refused, and never cut.
    ann.send(next, { recipient_id: ben.id }, "x".repeat(16_001));
    expect(await next.next("error")).toMatchObject({ code: "message_too_long", client_id: expect.any(String) });
    await to.settled();
    expect(contents(to.messages)).toEqual(["once"]);
    expect(contents(await history(ann, `/messages?recipient_id=${ben.id}`))).toEqual(["once"]);
  });

  test("three refreshers at once with one token all go on, and so does each of what they got", async () => {
    const [ann] = await two();
    const answers = await Promise.all([ann.refresh(), ann.refresh(), ann.refresh()]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    for (const answer of answers) {
      const { access_token: token, refresh_token: refresh } = answer.json() as Record<string, string>;
      expect((await server.request("GET", "/api/users/me", { token: token ?? "" })).status).toBe(200);
      expect((await ann.refresh(refresh)).status).toBe(200);
    }
    ann.tokens.access = "expired";
    expect((await ann.call("GET", "/users/me")).status).toBe(200);
  });

  test("profile, avatar and the version of the app", async () => {
    const [ann, ben] = await two();
    const name = `${ann.name}_new`;
    expect((await ann.call("GET", `/users/check-username?username=${name}`)).body).toEqual({ available: true });
    const renamed = await ann.call("PUT", "/users/me", { username: name, full_name: "Ann New" });
    expect(renamed.body["user"]).toMatchObject({ username: name, full_name: "Ann New" });
    const { body } = await ann.upload<{ user: { avatar: string } }>("/users/me/avatar", "avatar", await jpeg());
    const image = await ben.image(body.user.avatar);
    expect([image.status, image.bytes.subarray(0, 2).toString("hex")]).toEqual([200, "ffd8"]);
    expect((await ben.call("GET", `/users/${ann.id}`)).body["user"]).toMatchObject({ avatar: body.user.avatar });
    expect((await ann.call("DELETE", "/users/me/avatar")).body["user"]).toMatchObject({ avatar: "" });

    const check = async (build: number, platform = "android") =>
      ann.call("GET", `/version/check?platform=${platform}&build=${build}`);
    const latest = { version: "2.1.0", build_number: 21, download_url: "https://apps.example.org/om.apk" };
    for (const [build, needs, force] of [
      [19, true, true],
      [20, true, false],
      [21, false, false],
    ] as const) {
      const wanted = { needs_update: needs, force_update: force, latest_version: { ...latest, changelog: "Faster" } };
      expect(await check(build)).toMatchObject({ status: 200, body: wanted });
    }
    expect((await check(1, "ios")).status).not.toBe(200);
    expect((await ann.call("GET", "/version")).body).toMatchObject(latest);
    expect((await ann.call("GET", "/version?platform=ios")).body).toMatchObject({ force_update: false });
  });

  test("people and groups: search, join by handle and by link, leave", async () => {
    const [ann, ben] = await two();
    const found = await ann.call<{ users: { id: number }[] }>("GET", `/users/search?q=${ben.name}`);
    expect(found.body.users.map(({ id }) => id)).toEqual([ben.id]);
    const handle = `open_${round}`;
    const open = await newGroup(ann, "Open", { is_public: true, handle });
    const listed = await ben.call<{ groups: object[] }>("GET", `/groups/public/search?q=${handle}`);
    expect(listed.body.groups).toMatchObject([{ id: open, handle, is_public: true }]);
    expect((await ben.call("POST", `/groups/handle/${handle}/join`)).body).toMatchObject({ id: open, name: "Open" });
    expect((await ben.call("POST", `/groups/${open}/leave`)).status).toBe(200);
    const closed = await newGroup(ann, "Closed");
    const link = await ann.call<{ token: string }>("POST", `/groups/${closed}/invite-links`, { single_use: true });
    expect((await ben.call("GET", `/join/${link.body.token}`)).body).toMatchObject({ group: { id: closed } });
    expect((await ben.call("POST", `/join/${link.body.token}`)).body).toMatchObject({ id: closed });
    expect((await ben.call<{ id: number }[]>("GET", "/groups")).body.map(({ id }) => id)).toEqual([closed]);
  });
});
