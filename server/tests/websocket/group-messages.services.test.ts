import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startChatServer, type ChatServer, type Received, type TestUser } from "../fixtures/chat-server.ts";

interface Entry {
  conversation_id: string;
  unread_count: number;
  last_message: { content: string } | null;
  group: { name: string; member_count: number } | null;
}

describe("messages of groups over sockets", () => {
  let server: ChatServer;
  let ada: TestUser;
  let ben: TestUser;
  let cleo: TestUser;
  let eve: TestUser;
  beforeAll(async () => {
    server = await startChatServer();
    ada = await server.register("ada");
    ben = await server.register("ben");
    cleo = await server.register("cleo");
    eve = await server.register("eve");
  });
  afterEach(() => server.closeSockets());
  afterAll(() => server[Symbol.asyncDispose]());

  /** A group of ada, with ben and cleo. */
  async function newGroup(): Promise<number> {
    const made = await server.post("/api/groups", ada, { name: "Walkers" });
    const id = made.body["id"] as number;
    for (const { id: userId } of [ben, cleo]) {
      expect((await server.post(`/api/groups/${id}/members`, ada, { user_id: userId })).status).toBe(200);
    }
    return id;
  }
  const chat = (groupId: number, content: string, clientId: string = randomUUID(), more = {}) => ({
    client_id: clientId,
    group_id: groupId,
    content,
    message_type: "text",
    ...more,
  });
  const entryOf = async (user: TestUser, id: number): Promise<Entry | undefined> => {
    const { body } = await server.get("/api/conversations", user);
    return (body["conversations"] as Entry[]).find((entry) => entry.conversation_id === `group_${id}`);
  };
  const messagesOf = (frames: Received[]) =>
    frames.flatMap((frame) =>
      frame.type === "batch"
        ? (frame["messages"] as { message: { content: string } }[]).map(({ message }) => message.content)
        : frame.type === "message"
          ? [(frame["message"] as { content: string }).content]
          : [],
    );

  test("a message goes to every other member's devices once, to own devices only if they resume, and counts for members", async () => {
    const group = await newGroup();
    const from = await server.open(ada);
    const [own, following] = [await server.open(ada), await server.open(ada, "&resume=1")];
    const devices = [await server.open(ben), await server.open(ben, ""), await server.open(cleo), following];
    const outside = await server.open(eve);
    from.send("chat", chat(group, "Who comes?", "walk-1"));
    const ack = await from.next("ack");
    expect(ack).toMatchObject({ client_id: "walk-1", status: "sent", conversation_id: `group_${group}`, seq: 1 });
    for (const device of devices) {
      expect(await device.next("message")).toMatchObject({
        conversation_id: `group_${group}`,
        ver: ack["ver"],
        message: {
          id: ack["server_id"],
          group_id: group,
          recipient_id: null,
          sender: { id: ada.id, username: "ada", email: "" },
          content: "Who comes?",
          status: "sent",
        },
      });
    }
    from.send("chat", chat(group, "Who comes?", "walk-1"));
    expect(await from.next("ack")).toMatchObject({ server_id: ack["server_id"] });
    for (const device of [...devices, own, outside]) await device.settled();
    expect([...devices, own, outside].map(({ frames }) => messagesOf(frames).length)).toEqual([1, 1, 1, 1, 0, 0]);
    expect((await entryOf(ada, group))?.unread_count).toBe(0);
    expect(await entryOf(ben, group)).toMatchObject({
      unread_count: 1,
      last_message: { content: "Who comes?" },
      group: { name: "Walkers", member_count: 3 },
    });
  });

  test("non-members: 403 on all five routes, not_group_member on the socket, empty in sync; ids are judged first", async () => {
    const group = await newGroup();
    const answers = [
      await server.get(`/api/groups/${group}/messages`, eve),
      await server.post(`/api/groups/${group}/messages`, eve, { client_id: "x", content: "hi" }),
      await server.post(`/api/groups/${group}/read`, eve, { last_read_message_id: 0 }),
      await server.get(`/api/groups/${group}/read-state`, eve),
      await server.post(`/api/groups/${group}/messages`, eve, {}),
    ];
    for (const answer of answers) expect(answer).toMatchObject({ status: 403, body: { code: "not_group_member" } });
    for (const id of ["0", "x", "-1", "1.5"]) {
      expect(await server.get(`/api/groups/${id}/messages`, eve)).toMatchObject({
        status: 400,
        body: { code: "invalid_group_id" },
      });
    }
    const socket = await server.open(eve);
    socket.send("chat", chat(group, "let me in", "eve-1"));
    expect(await socket.next("error")).toMatchObject({ code: "not_group_member", client_id: "eve-1" });
    socket.send("group_read", { group_id: group, last_read_message_id: 0 });
    expect(await socket.next("error")).toMatchObject({ code: "not_group_member" });
    const sync = { conversations: [{ conversation_id: `group_${group}`, last_message_id: 0 }] };
    expect((await server.post("/api/messages/sync", eve, sync)).body).toMatchObject({
      results: [{ messages: [], has_more: false }],
    });
    expect((await server.get(`/api/messages/changes?conversation_id=group_${group}`, eve)).body).toMatchObject({
      messages: [],
    });
  });

  test("group send idempotency: 201, 201 with the stored message, 400 when the id is of another conversation", async () => {
    const [group, other] = [await newGroup(), await newGroup()];
    const body = { client_id: " rest-1 ", content: "  once  ", message_type: "text" };
    const first = await server.post(`/api/groups/${group}/messages`, ben, body);
    expect(first).toMatchObject({ status: 201, body: { content: "once", status: "sent", client_id: "rest-1" } });
    const again = await server.post(`/api/groups/${group}/messages`, ben, { ...body, content: "changed" });
    expect(again).toMatchObject({ status: 201, body: { id: first.body["id"], content: "once" } });
    expect(await server.post(`/api/groups/${other}/messages`, ben, body)).toMatchObject({
      status: 400,
      body: { code: "client_id_conflict" },
    });
    expect((await server.post(`/api/groups/${group}/messages`, ben, { content: "x" })).body).toMatchObject({
      code: "missing_client_id",
    });
    expect(
      (await server.post(`/api/groups/${group}/messages`, ben, { client_id: "y", content: " " })).body,
    ).toMatchObject({ code: "missing_content" });
  });

  test("reading: told to the others, monotonic, echoes what was asked, and refuses foreign messages", async () => {
    const [group, other] = [await newGroup(), await newGroup()];
    const ids: number[] = [];
    for (const text of ["1", "2", "3"]) {
      const sent = await server.post(`/api/groups/${group}/messages`, ada, {
        client_id: `${group}-${text}`,
        content: text,
      });
      ids.push(sent.body["id"] as number);
    }
    const foreign = await server.post(`/api/groups/${other}/messages`, ada, { client_id: `f-${group}`, content: "f" });
    const [reader, author, third] = [await server.open(ben), await server.open(ada), await server.open(cleo)];
    reader.send("group_read", { group_id: group, last_read_message_id: ids[1] });
    const update = { group_id: group, user_id: ben.id, last_read_message_id: ids[1] };
    expect(await author.next("group_read_update")).toMatchObject({ ...update, binary: false });
    expect(await third.next("group_read_update")).toMatchObject(update);
    expect((await entryOf(ben, group))?.unread_count).toBe(1);
    const back = await server.post(`/api/groups/${group}/read`, ben, { last_read_message_id: ids[0] });
    expect(back.body).toEqual({ last_read_message_id: ids[0], latest_group_message_id: ids[2], ok: true });
    expect((await server.get(`/api/groups/${group}/read-state`, ben)).body).toEqual({
      members: [{ user_id: ben.id, last_read_message_id: ids[1] }],
      my_last_read_message_id: ids[1],
    });
    reader.send("group_read", { group_id: group, last_read_message_id: foreign.body["id"] });
    expect(await reader.next("error")).toMatchObject({ code: "invalid_message_id" });
    reader.send("group_read", {});
    expect(await reader.next("error")).toMatchObject({ code: "missing_group_id" });
    const wrong = await server.post(`/api/groups/${group}/read`, ben, { last_read_message_id: foreign.body["id"] });
    expect(wrong).toMatchObject({ status: 400, body: { code: "invalid_message_id" } });
    expect((await server.post(`/api/groups/${group}/read`, ben, {})).body).toMatchObject({ last_read_message_id: 0 });
    await author.settled();
    expect(author.frames.filter(({ type }) => type === "group_read_update")).toHaveLength(1);
  });

  test("whoever joins sees all of it with nothing unread; whoever left gets nothing more, not even what waited", async () => {
    const group = await newGroup();
    const send = (text: string) =>
      server.post(`/api/groups/${group}/messages`, ada, { client_id: `${group}-${text}`, content: text });
    await send("before");
    await server.post(`/api/groups/${group}/members`, ada, { user_id: eve.id });
    expect((await entryOf(eve, group))?.unread_count).toBe(0);
    await send("after");
    expect((await entryOf(eve, group))?.unread_count).toBe(1);
    expect((await server.get(`/api/groups/${group}/messages`, eve)).body).toMatchObject({ count: 2 });
    await server.post(`/api/groups/${group}/leave`, eve, {});
    expect(await entryOf(eve, group)).toBeUndefined();
    const device = await server.open(eve);
    await send("later");
    await device.settled();
    expect(messagesOf(device.frames)).not.toContain("after");
    expect(messagesOf(device.frames)).not.toContain("later");
    const changes = await server.get("/api/changes", eve);
    expect(changes.body["removed"]).toEqual([]);
  });

  test("what was deleted for everybody stays deleted for whoever joins later", async () => {
    const group = await newGroup();
    const send = (text: string) =>
      server.post(`/api/groups/${group}/messages`, ada, { client_id: `${group}-${text}`, content: text });
    await send("gone");
    expect((await server.remove(`/api/conversations/group_${group}?everyone=true`, ben)).status).toBe(403);
    expect((await server.remove(`/api/conversations/group_${group}?everyone=true`, ada)).status).toBe(200);
    await server.post(`/api/groups/${group}/members`, ada, { user_id: eve.id });
    expect((await server.get(`/api/groups/${group}/messages`, eve)).body).toMatchObject({ count: 0 });
    expect(await entryOf(eve, group)).toMatchObject({ last_message: null, unread_count: 0 });
    await send("new");
    expect((await server.get(`/api/groups/${group}/messages`, eve)).body).toMatchObject({ count: 1 });
  });

  test("a member who is offline gets what was sent at the next connect, in order, until it is acknowledged", async () => {
    const group = await newGroup();
    for (const text of ["a", "b", "c"]) {
      await server.post(`/api/groups/${group}/messages`, ada, { client_id: `${group}-${text}`, content: text });
    }
    const first = await server.open(cleo);
    const waiting = messagesOf(first.frames).slice(-3);
    expect(waiting).toEqual(["a", "b", "c"]);
    const batch = first.frames.findLast(({ type }) => type === "batch") as unknown as {
      messages: { message: { id: number } }[];
    };
    for (const { message } of batch.messages) first.send("ack", { server_id: message.id, status: "delivered" });
    await first.settled();
    const second = await server.open(cleo);
    expect(messagesOf(second.frames)).toEqual([]);
  });

  test("typing in a group reaches the other members with its conversation, and nobody when the typist is no member", async () => {
    const group = await newGroup();
    const [from, to, own] = [await server.open(ada), await server.open(ben), await server.open(ada)];
    from.send("typing", { group_id: group, is_typing: true });
    expect(await to.next("typing")).toMatchObject({
      sender_id: ada.id,
      is_typing: true,
      conversation_id: `group_${group}`,
    });
    const stranger = await server.open(eve);
    stranger.send("typing", { group_id: group, is_typing: true });
    await stranger.settled();
    await to.settled();
    await own.settled();
    expect(to.frames.filter(({ type }) => type === "typing")).toHaveLength(1);
    expect(own.frames.filter(({ type }) => type === "typing")).toHaveLength(0);
  });

  test("what happens to a group is told: members' resuming devices hear of changes, whoever is removed on every device", async () => {
    const group = await newGroup();
    const [member, removed] = [await server.open(ben, "&resume=1"), await server.open(cleo)];
    const since = (await server.get("/api/changes", cleo)).body["cursor"] as string;
    await server.put(`/api/groups/${group}`, ada, { name: "Runners", description: "", is_public: false });
    expect(await member.next("group_update")).toMatchObject({ conversation_id: `group_${group}` });
    expect((await entryOf(ben, group))?.group?.name).toBe("Runners");
    expect((await server.remove(`/api/groups/${group}/members/${cleo.id}`, ada)).status).toBe(200);
    expect(await removed.next("conversation_delete")).toMatchObject({ conversation_id: `group_${group}` });
    expect((await server.get(`/api/changes?cursor=${since}`, cleo)).body["removed"]).toContain(`group_${group}`);
    expect((await entryOf(ada, group))?.group?.member_count).toBe(2);
  });

  test("an admin deletes any message, a member only own ones, and nobody edits another's", async () => {
    const group = await newGroup();
    const sent = await server.post(`/api/groups/${group}/messages`, ben, {
      client_id: `${group}-del`,
      content: "oops",
    });
    const id = sent.body["id"] as number;
    expect((await server.remove(`/api/messages/${id}`, cleo)).body).toMatchObject({ code: "forbidden" });
    expect((await server.put(`/api/messages/${id}`, ada, { content: "x" })).body).toMatchObject({ code: "forbidden" });
    expect((await server.remove(`/api/messages/${id}`, eve)).body).toMatchObject({ code: "message_not_found" });
    expect((await entryOf(cleo, group))?.unread_count).toBe(1);
    const [member, author] = [await server.open(cleo), await server.open(ben)];
    expect(await server.remove(`/api/messages/${id}`, ada)).toEqual({ status: 200, body: { ok: true } });
    for (const socket of [member, author]) {
      expect(await socket.next("message_delete")).toMatchObject({
        message: { id, group_id: group, sender_id: ben.id },
      });
    }
    expect(await entryOf(cleo, group)).toMatchObject({ unread_count: 0, last_message: null });
    expect((await server.get(`/api/groups/${group}/messages`, ada)).body).toMatchObject({ count: 0 });
  });
});
