import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { startChatServer, type ChatServer, type TestSocket, type TestUser } from "../fixtures/chat-server.ts";

interface Shown {
  id: number;
  content: string;
  version: number;
  reply_to_id?: number;
  reply_to?: { content: string };
}

describe("edits, deletes, replies, blocks and presence", () => {
  let server: ChatServer;
  let ada: TestUser;
  let ben: TestUser;
  let round = 0;
  beforeAll(async () => {
    server = await startChatServer();
  });
  beforeEach(async () => {
    round += 1;
    [ada, ben] = [await server.register(`ada${round}`), await server.register(`ben${round}`)];
  });
  afterEach(() => server.closeSockets());
  afterAll(() => server[Symbol.asyncDispose]());

  async function post(from: TestUser, to: TestUser, content: string, more = {}): Promise<number> {
    const body = { recipient_id: to.id, content, client_id: randomUUID(), ...more };
    const sent = await server.post("/api/messages", from, body);
    expect(sent.status).toBe(201);
    return sent.body["id"] as number;
  }
  const history = async (viewer: TestUser, peer: TestUser): Promise<Shown[]> =>
    (await server.get(`/api/messages?recipient_id=${peer.id}`, viewer)).body["messages"] as Shown[];
  const namesOf = async (viewer: TestUser): Promise<string[]> =>
    ((await server.get("/api/conversations", viewer)).body["conversations"] as { conversation_id: string }[]).map(
      (entry) => entry.conversation_id,
    );
  const types = (socket: TestSocket): string[] => socket.frames.map(({ type }) => type);

  test("an edit: the bare message with a raised version; the other's devices and own resuming ones are told", async () => {
    const id = await post(ada, ben, "helo");
    const [to, following, own] = [await server.open(ben), await server.open(ada, "&resume=1"), await server.open(ada)];
    const edited = await server.put(`/api/messages/${id}`, ada, { content: " hello " });
    expect(edited).toMatchObject({ status: 200, body: { id, content: "hello", version: 2, sender: { id: ada.id } } });
    const frame = await to.next("message_edit");
    expect(frame).toMatchObject({ message: { id, content: "hello", version: 2, conversation_id: `user_${ada.id}` } });
    expect((frame["message"] as { sender: { email: string } }).sender.email).toBe("");
    expect(await following.next("message_edit")).toMatchObject({ conversation_id: `user_${ben.id}` });
    await own.settled();
    expect(types(own)).not.toContain("message_edit");
    expect((await history(ben, ada))[0]).toMatchObject({ id, content: "hello", version: 2 });
    const changes = await server.get(`/api/messages/changes?conversation_id=user_${ada.id}&ver=1`, ben);
    expect(changes.body).toMatchObject({ messages: [{ id, content: "hello" }], deleted: [] });
  });

  test("bad edits and deletes: empty text, another's message, a foreign one, one that is gone, no id at all", async () => {
    const id = await post(ada, ben, "mine");
    const eve = await server.register(`eve${round}`);
    expect((await server.put(`/api/messages/${id}`, ada, { content: "  " })).body).toMatchObject({
      code: "missing_content",
    });
    expect(await server.put(`/api/messages/${id}`, ben, { content: "x" })).toMatchObject({ status: 403 });
    expect(await server.remove(`/api/messages/${id}`, ben)).toMatchObject({ status: 403 });
    for (const bad of [String(id), "0", "x", "9007199254740993"]) {
      expect(await server.put(`/api/messages/${bad}`, eve, { content: "x" })).toMatchObject({
        status: 404,
        body: { code: "message_not_found" },
      });
      expect(await server.remove(`/api/messages/${bad}`, eve)).toMatchObject({ status: 404 });
    }
    expect((await server.remove(`/api/messages/${id}`, ada)).status).toBe(200);
    expect((await server.remove(`/api/messages/${id}`, ada)).status).toBe(404);
    expect((await server.put(`/api/messages/${id}`, ada, { content: "x" })).status).toBe(404);
  });

  test("a device that was offline is told of edits and deletes in single frames, once it had the messages, until it proves receipt", async () => {
    const [edited, deleted] = [await post(ada, ben, "one"), await post(ada, ben, "two")];
    const first = await server.open(ben);
    first.send("ack", { server_id: deleted, status: "delivered" });
    await first.settled();
    await server.closeSockets();
    await server.put(`/api/messages/${edited}`, ada, { content: "one!" });
    await server.remove(`/api/messages/${deleted}`, ada);
    const second = await server.open(ben);
    expect(second.frames.map(({ type }) => type).toSorted()).toEqual(["message_delete", "message_edit"]);
    expect(await second.next("message_edit")).toMatchObject({ message: { id: edited, content: "one!" } });
    expect(await second.next("message_delete")).toMatchObject({
      message: { id: deleted, sender_id: ada.id, recipient_id: ben.id },
    });
    // The pong to the ping that followed is the proof.
    await vi.waitFor(async () => expect(types(await server.open(ben))).toEqual([]));
  });

  test("a message deleted before it was delivered is never shown; one edited before comes with its last text", async () => {
    const [gone, kept] = [await post(ada, ben, "never"), await post(ada, ben, "draft")];
    await server.remove(`/api/messages/${gone}`, ada);
    await server.put(`/api/messages/${kept}`, ada, { content: "final" });
    const device = await server.open(ben, "");
    expect(device.frames.map((frame) => [frame.type, (frame["message"] as Shown).content])).toEqual([
      ["message", "final"],
    ]);
  });

  test("replies carry the message they answer, by socket and REST; a reply to nothing of this conversation is none", async () => {
    const id = await post(ada, ben, "When?");
    const other = await post(ada, await server.register(`cleo${round}`), "elsewhere");
    const [from, to] = [await server.open(ben), await server.open(ada)];
    from.send("chat", { client_id: "r1", recipient_id: ada.id, content: "At noon", reply_to_id: id });
    expect(await to.next("message")).toMatchObject({
      message: { content: "At noon", reply_to_id: id, reply_to: { id, content: "When?", sender: { id: ada.id } } },
    });
    await post(ben, ada, "stray", { reply_to_id: other });
    const [stray, reply, first] = await history(ada, ben);
    expect(reply).toMatchObject({ reply_to_id: id, reply_to: { content: "When?" } });
    for (const plain of [stray, first]) expect(plain).not.toHaveProperty("reply_to_id");
    await server.remove(`/api/messages/${id}`, ada);
    const [, orphan] = await history(ada, ben);
    expect(orphan).toMatchObject({ reply_to_id: id });
    expect(orphan).not.toHaveProperty("reply_to");
  });

  test("deleting a conversation: for me alone nobody else notices; for both it is gone on both sides, offline devices too", async () => {
    await post(ada, ben, "secret");
    const [own, others] = [await server.open(ada, "&resume=1"), await server.open(ben)];
    expect((await server.remove(`/api/conversations/user_${ben.id}`, ada)).status).toBe(200);
    expect(await own.next("conversation_delete")).toMatchObject({ conversation_id: `user_${ben.id}`, seq: 1 });
    expect([await namesOf(ada), await history(ada, ben)]).toEqual([[], []]);
    await others.settled();
    expect(types(others)).not.toContain("conversation_delete");
    expect(await history(ben, ada)).toHaveLength(1);
    await post(ben, ada, "again");
    expect((await history(ada, ben)).map(({ content }) => content)).toEqual(["again"]);

    await server.closeSockets();
    expect((await server.remove(`/api/conversations/user_${ben.id}?everyone=true`, ada)).status).toBe(200);
    expect([await namesOf(ben), await history(ben, ada)]).toEqual([[], []]);
    await post(ada, ben, "fresh start");
    const device = await server.open(ben);
    expect(types(device)).toEqual(["conversation_delete", "batch"]);
    expect(device.frames[0]).toMatchObject({ conversation_id: `user_${ada.id}` });
    expect((await server.remove("/api/conversations/user_999999", ada)).status).toBe(200);
    for (const name of ["group_1", "x", "user_0"]) {
      expect(await server.remove(`/api/conversations/${name}`, ada)).toMatchObject({
        status: 404,
        body: { code: "conversation_not_found" },
      });
    }
  });

  test("a blocked sender is acked and sees the message as sent; the blocker never sees, counts or is pushed it", async () => {
    await post(ada, ben, "before");
    expect((await server.post(`/api/users/block/${ada.id}`, ben, {})).status).toBe(200);
    const [from, to] = [await server.open(ada), await server.open(ben)];
    from.send("chat", { client_id: "b1", recipient_id: ben.id, content: "hidden" });
    expect(await from.next("ack")).toMatchObject({ client_id: "b1", status: "sent" });
    from.send("typing", { recipient_id: ben.id, is_typing: true });
    to.send("typing", { recipient_id: ada.id, is_typing: true });
    for (const socket of [from, to]) await socket.settled();
    expect(messageFrames(to)).toEqual(["before"]);
    for (const socket of [from, to]) expect(types(socket)).not.toContain("typing");
    expect((await history(ben, ada)).map(({ content }) => content)).toEqual(["before"]);
    expect((await history(ada, ben)).map(({ content }) => content)).toEqual(["hidden", "before"]);
    const { body } = await server.get("/api/conversations", ben);
    expect(body["conversations"]).toMatchObject([
      {
        unread_count: 1,
        last_message: { content: "before" },
        peer: { id: ada.id, is_blocked: true, is_online: false },
      },
    ]);
    expect((await server.get(`/api/users/${ben.id}`, ada)).body).toMatchObject({ user: { is_online: false } });
    expect((await server.get("/api/users/blocks", ben)).body).toMatchObject({
      users: [{ id: ada.id, is_blocked: true }],
    });

    const [, visible] = await history(ada, ben);
    expect(await server.put(`/api/messages/${visible?.id}`, ada, { content: "edited" })).toMatchObject({ status: 403 });

    expect((await server.post(`/api/users/unblock/${ada.id}`, ben, {})).status).toBe(200);
    const [hidden] = await history(ada, ben);
    from.send("chat", { client_id: "b3", recipient_id: ben.id, content: "as I said", reply_to_id: hidden?.id });
    const reply = (await to.next("message"))["message"] as Shown;
    expect([reply.content, reply.reply_to_id, reply.reply_to]).toEqual(["as I said", hidden?.id, undefined]);
    expect((await server.remove(`/api/messages/${reply.id}`, ada)).status).toBe(200);
    from.send("chat", { client_id: "b2", recipient_id: ben.id, content: "visible" });
    expect(await to.next("message")).toMatchObject({ message: { content: "visible" } });
    expect((await history(ben, ada)).map(({ content }) => content)).toEqual(["visible", "before"]);
    expect((await server.get(`/api/users/${ada.id}`, ben)).body["user"]).not.toHaveProperty("is_blocked");
    for (const [id, status] of [
      ["0", 400],
      [String(ben.id), 400],
      ["x", 400],
      ["987654", 404],
    ] as const) {
      expect((await server.post(`/api/users/block/${id}`, ben, {})).status).toBe(status);
    }
  });

  test("user_status: direct peers hear who comes, and after 5 s who went; not strangers, nor who is blocked", async () => {
    const [eve, stranger] = [await server.register(`foe${round}`), await server.register(`none${round}`)];
    await post(ada, ben, "hi");
    await post(ada, eve, "hi");
    await server.post(`/api/users/block/${eve.id}`, ada, {});
    const [peer, blocked, other] = [await server.open(ben), await server.open(eve), await server.open(stranger)];
    const device = await server.open(ada);
    expect(await peer.next("user_status")).toEqual({
      type: "user_status",
      user_id: ada.id,
      is_online: true,
      binary: false,
    });
    const second = await server.open(ada);
    device.ws.close();
    await device.closed;
    second.ws.close();
    await second.closed;
    expect(await peer.next("user_status")).toMatchObject({ user_id: ada.id, is_online: false });
    for (const socket of [peer, blocked, other]) await socket.settled();
    expect(
      [peer, blocked, other].map((socket) => types(socket).filter((type) => type === "user_status").length),
    ).toEqual([2, 0, 0]);
  });
});

function messageFrames(socket: TestSocket): string[] {
  return socket.frames.flatMap((frame) =>
    frame.type === "batch"
      ? (frame["messages"] as { message: Shown }[]).map(({ message }) => message.content)
      : frame.type === "message"
        ? [(frame["message"] as Shown).content]
        : [],
  );
}
