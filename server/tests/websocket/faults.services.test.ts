import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { startChatServer, type ChatServer, type TestSocket, type TestUser } from "../fixtures/chat-server.ts";

interface Shown {
  id: number;
  content: string;
  status: string;
  is_delivered: boolean;
  is_read: boolean;
}
interface Entry {
  conversation_id: string;
  unread_count: number;
  last_message: { id: number; content: string } | null;
  peer: { username: string; full_name: string; is_online: boolean } | null;
  group: { name: string } | null;
}

describe("faults of the first server, over sockets", () => {
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
    const names = ["ada", "ben", "eve"].map((name) => server.register(`${name}_${round}`));
    [ada, ben, eve] = (await Promise.all(names)) as [TestUser, TestUser, TestUser];
  });
  afterEach(() => server.closeSockets());
  afterAll(() => server[Symbol.asyncDispose]());

  async function post(from: TestUser, to: TestUser, content: string, more = {}): Promise<number> {
    const body = { recipient_id: to.id, content, client_id: randomUUID(), ...more };
    const sent = await server.post("/api/messages", from, body);
    expect(sent.status).toBe(201);
    return sent.body["id"] as number;
  }
  async function newGroup(admin: TestUser, ...others: TestUser[]): Promise<number> {
    const id = (await server.post("/api/groups", admin, { name: "Ours" })).body["id"] as number;
    for (const other of others) await server.post(`/api/groups/${id}/members`, admin, { user_id: other.id });
    return id;
  }
  const history = async (viewer: TestUser, peer: TestUser): Promise<Shown[]> =>
    (await server.get(`/api/messages?recipient_id=${peer.id}`, viewer)).body["messages"] as Shown[];
  const list = async (viewer: TestUser): Promise<Entry[]> =>
    (await server.get("/api/conversations", viewer)).body["conversations"] as Entry[];
  const told = (socket: TestSocket, type: string) => socket.frames.filter((frame) => frame.type === type);
  const isOnline = async (viewer: TestUser, user: TestUser): Promise<boolean> => {
    const { body } = await server.get(`/api/users/${user.id}`, viewer);
    return (body["user"] as { is_online: boolean }).is_online;
  };

  test("D-2: only the recipient's receipts count: not a stranger's, not the author's, in a DM and in a group", async () => {
    const id = await post(ada, ben, "for ben");
    const group = await newGroup(ada, ben);
    const sent = await server.post(`/api/groups/${group}/messages`, ada, { client_id: randomUUID(), content: "all" });
    const [author, stranger] = [await server.open(ada), await server.open(eve)];
    for (const socket of [author, stranger]) {
      for (const messageId of [id, sent.body["id"]]) {
        socket.send("ack", { server_id: messageId, status: "delivered" });
        socket.send("ack", { server_id: messageId, status: "read" });
        socket.send("delivery", { message_id: messageId });
        socket.send("read", { message_id: messageId });
      }
      await socket.settled();
      expect(socket.frames).toEqual([]);
    }
    const unseen = [{ status: "sent", is_delivered: false, is_read: false }];
    expect(await history(ada, ben)).toMatchObject(unseen);
    expect((await server.get(`/api/groups/${group}/messages`, ben)).body).toMatchObject({ messages: unseen });
    expect((await list(ben)).map((one) => one.unread_count)).toEqual([1, 1]);
    const reader = await server.open(ben);
    reader.send("read", { message_id: sent.body["id"] });
    await reader.settled();
    // In a group a position is the reader's own; the message stays as it is for all.
    expect((await server.get(`/api/groups/${group}/messages`, ada)).body).toMatchObject({ messages: unseen });
  });

  test("D-3: POST /messages ignores group_id: a stranger's message is a DM and nothing in the group", async () => {
    const group = await newGroup(ada, ben);
    const member = await server.open(ada);
    const sent = await server.post("/api/messages", eve, { recipient_id: ben.id, content: "inject", group_id: group });
    expect(sent).toMatchObject({ status: 201, body: { group_id: null, recipient_id: ben.id } });
    expect((await server.get(`/api/groups/${group}/messages`, ada)).body).toMatchObject({ count: 0, messages: [] });
    expect(await list(ada)).toMatchObject([{ conversation_id: `group_${group}`, last_message: null }]);
    const alone = await server.post("/api/messages", eve, { content: "inject", group_id: group });
    expect(alone).toMatchObject({ status: 400, body: { code: "missing_recipient" } });
    await member.settled();
    expect(told(member, "message")).toEqual([]);
  });

  test("D-6: a message is pushed although its ack can no longer be written", async () => {
    const [from, to] = [await server.open(ada), await server.open(ben)];
    from.send("chat", { client_id: "cut", recipient_id: ben.id, content: "no ack for me" });
    from.ws.close(4000);
    expect(await to.next("message")).toMatchObject({ message: { content: "no ack for me" } });
    await from.closed;
    expect(from.frames).toEqual([]);
    const again = await server.open(ada);
    again.send("chat", { client_id: "cut", recipient_id: ben.id, content: "no ack for me" });
    expect(await again.next("ack")).toMatchObject({ client_id: "cut" });
    await to.settled();
    expect(told(to, "message")).toHaveLength(1);
  });

  test("D-7: a second device cuts off no first one, and the end of one leaves the other online and served", async () => {
    await post(ben, ada, "so that she sees whether he is there");
    const [first, second] = [await server.open(ben), await server.open(ben)];
    await post(ada, ben, "to both");
    for (const device of [first, second]) expect(await device.next("message")).toBeDefined();
    second.ws.close();
    await second.closed;
    expect(await isOnline(ada, ben)).toBe(true);
    await post(ada, ben, "to the first");
    expect(await first.next("message")).toMatchObject({ message: { content: "to the first" } });
  });

  test("D-14: delivered after read leaves the status read, as the phone sends them", async () => {
    const id = await post(ada, ben, "read me");
    const [reader, author] = [await server.open(ben), await server.open(ada)];
    reader.send("read", { message_id: id });
    reader.send("ack", { client_id: "", server_id: id, status: "delivered", created_at_unix: 0 });
    expect(await author.next("read_update")).toMatchObject({ last_read_message_id: id });
    await reader.settled();
    expect(await history(ada, ben)).toMatchObject([{ status: "read", is_read: true, is_delivered: true }]);
    await author.settled();
    expect(told(author, "delivery_update")).toEqual([]);
  });

  test("D-17: whoever comes and goes quickly is online at the end if connected, and offline if not", async () => {
    await post(ben, ada, "so that she sees whether he is there");
    for (let i = 0; i < 5; i++) {
      const device = await server.open(ben, "", "flushing");
      device.ws.terminate();
    }
    const last = await server.open(ben);
    expect(await isOnline(ada, ben)).toBe(true);
    last.ws.close();
    await last.closed;
    // The client may know of the end before the server does.
    await vi.waitFor(async () => expect(await isOnline(ada, ben)).toBe(false));
  });

  test("D-23, D-24: reading shows at once in history and list, the author's and the reader's, by REST and by socket", async () => {
    const reader = await server.open(ben);
    const look = async (): Promise<unknown[]> => [
      (await history(ada, ben))[0]?.status,
      (await history(ben, ada))[0]?.is_read,
      (await list(ben))[0]?.unread_count,
    ];
    const first = await post(ada, ben, "one");
    expect(await look()).toEqual(["sent", false, 1]);
    reader.send("ack", { server_id: first, status: "delivered" });
    await reader.settled();
    expect(await look()).toEqual(["delivered", false, 1]);
    reader.send("read", { message_id: first });
    await reader.settled();
    expect(await look()).toEqual(["read", true, 0]);
    await post(ada, ben, "two");
    expect(await look()).toEqual(["sent", false, 1]);
    await server.post(`/api/conversations/${ada.id}/read`, ben, {});
    expect(await look()).toEqual(["read", true, 0]);
  });

  test("D-25: whoever reads after an ack sees what was acknowledged, however many read meanwhile", async () => {
    const from = await server.open(ada);
    let done = false;
    const readers = Array.from({ length: 4 }, async () => {
      while (!done) await Promise.all([list(ben), history(ben, ada)]);
    });
    for (let i = 0; i < 25; i++) {
      from.send("chat", { client_id: `fresh-${i}`, recipient_id: ben.id, content: `fresh ${i}` });
      const { server_id: id } = await from.next("ack");
      const [[entry], [newest]] = await Promise.all([list(ben), history(ben, ada)]);
      expect([entry?.last_message?.id, entry?.unread_count, newest?.id]).toEqual([id, i + 1, id]);
    }
    done = true;
    await Promise.all(readers);
  });

  test("D-26: a new group, a message in it, a new name, a new face and a leave show at once in everybody's list", async () => {
    const group = await newGroup(ada, ben);
    expect(await list(ben)).toMatchObject([{ group: { name: "Ours" }, last_message: null }]);
    const from = await server.open(ada);
    from.send("chat", { client_id: "g1", group_id: group, content: "first" });
    await from.next("ack");
    expect(await list(ben)).toMatchObject([{ last_message: { content: "first" }, unread_count: 1 }]);
    await server.put(`/api/groups/${group}`, ada, { name: "Renamed" });
    expect(await list(ben)).toMatchObject([{ group: { name: "Renamed" } }]);
    await post(ada, ben, "hi");
    await server.put("/api/users/me", ada, { full_name: "Ada L", username: `new_ada_${round}` });
    expect((await list(ben))[0]).toMatchObject({ peer: { full_name: "Ada L", username: `new_ada_${round}` } });
    expect((await list(ben))[0]?.peer?.is_online).toBe(true);
    await server.post(`/api/groups/${group}/leave`, ben, {});
    expect((await list(ben)).map((one) => one.conversation_id)).toEqual([`user_${ada.id}`]);
  });

  test("D-56: readers are told of once, not again when nothing changed, and to an author who was away", async () => {
    const group = await newGroup(ada, ben);
    const sent = await server.post(`/api/groups/${group}/messages`, ada, { client_id: randomUUID(), content: "all" });
    await post(ada, ben, "one");
    const author = await server.open(ada);
    const read = (path: string, body = {}) => server.post(path, ben, body);
    for (let i = 0; i < 3; i++) {
      await read(`/api/conversations/${ada.id}/read`);
      await read(`/api/groups/${group}/read`, { last_read_message_id: sent.body["id"] });
    }
    const reader = await server.open(ben);
    reader.send("group_read", { group_id: group, last_read_message_id: sent.body["id"] });
    await reader.settled();
    await author.settled();
    expect([told(author, "read_update").length, told(author, "group_read_update").length]).toEqual([1, 1]);
    await server.closeSockets();
    const since = (await server.get("/api/changes", ada)).body["cursor"] as string;
    const id = await post(ada, ben, "two");
    await read(`/api/conversations/${ada.id}/read`);
    expect(await history(ada, ben)).toMatchObject([{ id, status: "read" }, {}]);
    const { body } = await server.get(`/api/changes?cursor=${since}`, ada);
    const heads = body["conversations"] as { conversation_id: string }[];
    expect(heads.find((one) => one.conversation_id === `user_${ben.id}`)).toMatchObject({
      peer_position: { read_message_id: id },
    });
  });
});
