import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startChatServer, type ChatServer, type TestSocket, type TestUser } from "../fixtures/chat-server.ts";

const chat = (to: TestUser, content: string, clientId: string = randomUUID()) => ({
  client_id: clientId,
  recipient_id: to.id,
  content,
  message_type: "text",
});
const messagesOf = (socket: TestSocket) =>
  socket.frames.flatMap((frame) =>
    frame.type === "message"
      ? [frame["message"] as { id: number; content: string }]
      : frame.type === "batch"
        ? (frame["messages"] as { message: { id: number; content: string } }[]).map(({ message }) => message)
        : [],
  );

describe("direct messages over sockets", () => {
  let server: ChatServer;
  let ada: TestUser;
  let ben: TestUser;
  let eve: TestUser;
  beforeAll(async () => {
    server = await startChatServer();
    [ada, ben, eve] = [await server.register("ada"), await server.register("ben"), await server.register("eve")];
  });
  afterEach(() => server.closeSockets());
  afterAll(() => server[Symbol.asyncDispose]());

  test("ack wrapper and top level say the same; the push carries conversation, ver and seq", async () => {
    const [from, to] = [await server.open(ada), await server.open(ben)];
    from.send("chat", chat(ben, "salam", "first"));
    const ack = await from.next("ack");
    expect(ack).toMatchObject({ client_id: "first", status: "sent", conversation_id: `user_${ben.id}` });
    expect(ack["payload"]).toMatchObject({ client_id: "first", server_id: ack["server_id"], status: "sent" });
    const push = await to.next("message");
    expect(push).toMatchObject({ conversation_id: `user_${ada.id}`, ver: ack["ver"], seq: ack["seq"] });
    expect(push["message"]).toMatchObject({
      id: ack["server_id"],
      client_id: "first",
      sender: { id: ada.id, username: "ada", email: "" },
      recipient_id: ben.id,
      group_id: null,
      content: "salam",
      conversation_id: `user_${ada.id}`,
    });
  });

  test("duplicate client_id is acked with the current status and pushed no second time", async () => {
    const [from, to] = [await server.open(ada), await server.open(ben)];
    from.send("chat", chat(ben, "once", "dup"));
    const id = (await from.next("ack"))["server_id"];
    from.send("chat", chat(ben, "once", "dup"));
    expect(await from.next("ack")).toMatchObject({ server_id: id, status: "sent" });
    to.send("ack", { server_id: id, status: "delivered" });
    await from.next("delivery_update");
    from.send("chat", chat(eve, "other target, other text", "dup"));
    expect(await from.next("ack")).toMatchObject({ server_id: id, status: "delivered" });
    to.send("read", { message_id: id });
    await from.next("read_update");
    to.send("ack", { server_id: id, status: "delivered" });
    await to.settled();
    from.send("chat", chat(ben, "once", "dup"));
    expect(await from.next("ack")).toMatchObject({ server_id: id, status: "read" });
    await to.settled();
    expect(messagesOf(to).filter(({ content }) => content === "once")).toHaveLength(1);
  });

  test("self-DM echo: ack first, then the message once", async () => {
    const socket = await server.open(eve);
    socket.send("chat", chat(eve, "note", "self"));
    await socket.next("message");
    expect(socket.frames.map(({ type }) => type)).toEqual(["ack", "message"]);
  });

  test("no echo to own other device, but to one that resumes", async () => {
    const [from, old, resuming] = [await server.open(ada), await server.open(ada), await server.open(ada, "&resume=1")];
    from.send("chat", chat(ben, "not for mine"));
    const echo = await resuming.next("message");
    expect(echo).toMatchObject({ conversation_id: `user_${ben.id}`, message: { conversation_id: `user_${ben.id}` } });
    await old.settled();
    expect(old.frames).toEqual([]);
    expect(from.frames.map(({ type }) => type)).toEqual(["ack"]);
  });

  test("every device of the recipient gets the message once", async () => {
    const devices = [await server.open(ben, ""), await server.open(ben), await server.open(ben, "&resume=1")];
    const from = await server.open(ada);
    from.send("chat", chat(ben, "to all devices"));
    await from.next("ack");
    for (const device of devices) {
      await device.settled();
      await device.settled();
      expect(messagesOf(device).filter(({ content }) => content === "to all devices")).toHaveLength(1);
    }
  });

  test("read moves the author's view once, only for the true recipient, and never back", async () => {
    const [from, to, other] = [await server.open(ada), await server.open(ben), await server.open(eve)];
    const ids: unknown[] = [];
    for (const text of ["r1", "r2"]) {
      from.send("chat", chat(ben, text));
      ids.push((await from.next("ack"))["server_id"]);
    }
    other.send("read", { message_id: ids[1] });
    from.send("read", { message_id: ids[1] });
    await other.settled();
    await from.settled();
    to.send("read", { message_id: ids[1] });
    expect(await from.next("read_update")).toMatchObject({
      conversation_id: `user_${ben.id}`,
      user_id: ben.id,
      last_read_message_id: ids[1],
    });
    const before = from.frames.length;
    to.send("read", { message_id: ids[0] });
    to.send("read", { message_id: ids[1] });
    to.send("delivery", { message_id: ids[0] });
    await to.settled();
    await from.settled();
    expect(from.frames.slice(before)).toEqual([]);
  });

  test("typing reaches a connected user and is not queued for an offline one", async () => {
    const late = await server.register(`late${randomUUID().slice(0, 8)}`);
    const [from, to] = [await server.open(ada), await server.open(ben)];
    from.send("typing", { recipient_id: late.id, is_typing: true });
    from.send("typing", { recipient_id: ben.id, is_typing: true, conversation_id: "ignored" });
    expect(await to.next("typing")).toMatchObject({ sender_id: ada.id, is_typing: true });
    const socket = await server.open(late);
    await socket.settled();
    expect(socket.frames).toEqual([]);
  });

  test("sync: oldest first, has_more at the limit, malformed names skipped, foreign groups empty", async () => {
    const [x, y] = [await server.register("sync_x"), await server.register("sync_y")];
    const socket = await server.open(x);
    for (let i = 0; i < 103; i++) socket.send("chat", chat(y, `s${i}`));
    await socket.settled();
    const reader = await server.open(y, "&resume=1");
    reader.send("sync", {
      conversations: [
        { conversation_id: "nonsense", last_message_id: 0 },
        { conversation_id: `user_${x.id}`, last_message_id: 0, last_seen_at: "ignored" },
        { conversation_id: "group_7", last_message_id: 0 },
      ],
    });
    const first = await reader.next("sync_response");
    expect(first).toMatchObject({ conversation_id: `user_${x.id}`, has_more: true });
    expect((first["messages"] as { content: string }[]).map(({ content }) => content)).toEqual(
      Array.from({ length: 100 }, (_, i) => `s${i}`),
    );
    const group = await reader.next("sync_response");
    expect(group).toMatchObject({ conversation_id: "group_7", messages: [], has_more: false });
    expect(group).not.toHaveProperty("next_cursor");
    reader.send("sync", {
      conversations: [{ conversation_id: `user_${x.id}`, last_message_id: first["next_cursor"] }],
    });
    expect(await reader.next("sync_response")).toMatchObject({ has_more: false, messages: [{}, {}, {}] });
  });

  test("users who connect together get what waits for each of them, all of it, once and in order", async () => {
    const crowd = await Promise.all(Array.from({ length: 12 }, (_, i) => server.register(`crowd${i}`)));
    // More than a page waits for the first, nothing for the second.
    const waiting = crowd.map((user, i) =>
      Array.from({ length: i === 0 ? 110 : i - 1 }, (_unused, n) => `${n} to ${user.name}`),
    );
    for (const [i, user] of crowd.entries()) {
      for (const content of waiting[i] ?? [])
        await server.post("/api/messages", ada, { recipient_id: user.id, content, client_id: content });
    }
    const writer = await server.open(ada);
    const devices = await Promise.all(crowd.map((user, i) => server.open(user, i % 2 === 0 ? "" : "&gzip=1")));
    expect(devices.map((device) => messagesOf(device).map(({ content }) => content))).toEqual(waiting);
    // The pongs of those without gzip prove them, all together.
    const proven = crowd.filter((_, i) => i % 2 === 0);
    const told = [];
    while (told.length < proven.length) told.push((await writer.next("delivery_update"))["user_id"]);
    expect(new Set(told)).toEqual(new Set(proven.map(({ id }) => id)));
    const again = await Promise.all(crowd.map((user) => server.open(user)));
    expect(again.map((device) => messagesOf(device).length)).toEqual(
      waiting.map(({ length }, i) => (i % 2 === 0 ? 0 : length)),
    );
  });

  test("queue flush: at most 50 per batch, ids in order, once per device, until receipt is proven", async () => {
    const [from, to] = [await server.register("queue_a"), await server.register("queue_b")];
    const sender = await server.open(from);
    for (let i = 0; i < 120; i++) sender.send("chat", chat(to, `q${i}`));
    await sender.settled();
    const expected = Array.from({ length: 120 }, (_, i) => `q${i}`);
    for (const query of ["&gzip=1", "&gzip=1", ""]) {
      const device = await server.open(to, query);
      while (messagesOf(device).length < 120) await device.next(query === "" ? "message" : "batch");
      expect(messagesOf(device).map(({ content }) => content)).toEqual(expected);
      const sizes = device.frames.flatMap((frame) => (frame.type === "batch" ? [frame["count"]] : []));
      expect(sizes).toEqual(query === "" ? [] : [50, 50, 20]);
      if (query !== "") device.ws.terminate();
    }
    // The last device never acknowledges: its pong to a ping after the flush is the proof.
    expect(await sender.next("delivery_update")).toMatchObject({ user_id: to.id, seq: 120 });
    const again = await server.open(to, "&gzip=1");
    await again.settled();
    expect(again.frames).toEqual([]);
  });

  test("the ping that proves receipt leaves after what it proves", async () => {
    const [from, to] = [await server.register("proof_a"), await server.register("proof_b")];
    const sender = await server.open(from);
    for (let i = 0; i < 40; i++) sender.send("chat", chat(to, `m${i}`));
    await sender.settled();
    const cut = await server.open(to, "", "flushing");
    const first = await new Promise<number>((resolve) => cut.ws.once("ping", () => resolve(messagesOf(cut).length)));
    expect(first).toBe(40);
    await sender.next("delivery_update");
    expect(messagesOf(await server.open(to, ""))).toHaveLength(0);
  });

  test("live messages during a flush follow the queued ones, none lost or repeated", async () => {
    const [from, to] = [await server.register("mixed_a"), await server.register("mixed_b")];
    const sender = await server.open(from);
    for (let i = 0; i < 150; i++) sender.send("chat", chat(to, `m${i}`));
    await sender.settled();
    const device = await server.open(to, "&gzip=1", "flushing");
    for (let i = 150; i < 200; i++) sender.send("chat", chat(to, `m${i}`));
    while (messagesOf(device).length < 200) await Promise.race([device.next("batch"), device.next("message")]);
    expect(messagesOf(device).map(({ content }) => content)).toEqual(Array.from({ length: 200 }, (_, i) => `m${i}`));
  });

  test("POST /messages pushes like a socket, works for ever, and is idempotent by an optional client_id", async () => {
    const to = await server.open(ben, "&resume=1");
    for (const content of ["rest 1", "rest 2"]) {
      const sent = await server.post("/api/messages", ada, {
        recipient_id: ben.id,
        content: `  ${content} `,
        group_id: 9,
      });
      expect(sent).toMatchObject({ status: 201, body: { client_id: "", content, status: "sent", group_id: null } });
      expect(await to.next("message")).toMatchObject({ message: { content } });
    }
    const again = { recipient_id: ben.id, content: "same", client_id: "rest-once" };
    const [one, two] = [await server.post("/api/messages", ada, again), await server.post("/api/messages", ada, again)];
    expect(two.body).toMatchObject({ id: one.body["id"], client_id: "rest-once" });
    expect((await server.post("/api/messages", ada, { recipient_id: 987_654, content: "x" })).status).toBe(404);
    expect((await server.post("/api/messages", ada, { recipient_id: ben.id, content: " " })).body).toMatchObject({
      code: "missing_content",
    });
    expect((await server.post("/api/messages", ada, { content: "x" })).body).toMatchObject({
      code: "missing_recipient",
    });
  });
});
