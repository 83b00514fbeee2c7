import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { startChatServer, type ChatServer, type Received, type TestUser } from "../fixtures/chat-server.ts";

let server: ChatServer;
let ada: TestUser;
let ben: TestUser;
beforeAll(async () => {
  server = await startChatServer();
  [ada, ben] = [await server.register("ada"), await server.register("ben")];
});
afterEach(() => server.closeSockets());
afterAll(() => server[Symbol.asyncDispose]());

const chat = (to: object, clientId: string) => ({
  client_id: clientId,
  content: clientId,
  message_type: "text",
  ...to,
});
const named = (frame: Received): unknown[] => {
  const { conversation_id: inside } = frame["message"] as { conversation_id: string };
  return [frame.type, inside, frame["conversation_id"]];
};

test("a direct message names its conversation by both users to sockets that neither resume nor ask for gzip, and there alone", async () => {
  const pair = `user_${Math.min(ada.id, ben.id)}_${Math.max(ada.id, ben.id)}`;
  const plain = `user_${ada.id}`;
  const [from, follows] = [await server.open(ada, "&resume=1"), await server.open(ada, "&resume=1")];
  from.send("chat", chat({ recipient_id: ben.id }, "waits"));
  await from.next("ack");
  // What waited comes in the same form as what is live.
  const [web, mobile, own] = [
    await server.open(ben, ""),
    await server.open(ben, "&gzip=1"),
    await server.open(ben, "&resume=1"),
  ];
  expect(named(await web.next("message"))).toEqual(["message", pair, plain]);
  from.send("chat", chat({ recipient_id: ben.id }, "live"));
  const { server_id: id } = await from.next("ack");
  await server.put(`/api/messages/${String(id)}`, ada, { content: "edited" });
  await server.remove(`/api/messages/${String(id)}`, ada);
  for (const [socket, name] of [
    [web, pair],
    [mobile, plain],
    [own, plain],
  ] as const)
    for (const type of ["message", "message_edit", "message_delete"])
      expect(named(await socket.next(type))).toEqual([type, name, plain]);
  expect(named(await follows.next("message"))).toEqual(["message", `user_${ben.id}`, `user_${ben.id}`]);
  const group = await newGroup();
  from.send("chat", chat({ group_id: group }, "to all"));
  expect(named(await web.next("message"))).toEqual(["message", `group_${group}`, `group_${group}`]);
});

test("a chat to a group that one has left is answered so that old apps stop sending it, and newer clients are told the truth", async () => {
  const group = await newGroup();
  const [app, bot, stranger] = [
    await server.open(ben),
    await server.open(ben, "&resume=1"),
    await server.open(await server.register("stranger")),
  ];
  await server.remove(`/api/groups/${group}/members/${ben.id}`, ada);
  for (const again of ["first", "again"]) {
    app.send("chat", chat({ group_id: group }, "late"));
    const ack = await app.next("ack");
    expect([again, ack]).toMatchObject([
      again,
      { client_id: "late", status: "sent", conversation_id: `group_${group}` },
    ]);
    expect(ack["payload"]).toMatchObject({ client_id: "late", server_id: expect.any(Number) });
    expect(await app.next("conversation_delete")).toMatchObject({ conversation_id: `group_${group}` });
  }
  for (const socket of [bot, stranger]) {
    socket.send("chat", chat({ group_id: group }, "late"));
    expect(await socket.next("error")).toMatchObject({ code: "not_group_member", client_id: "late" });
  }
  expect((await server.get(`/api/groups/${group}/messages`, ada)).body).toMatchObject({ count: 0 });
  expect((await server.post(`/api/groups/${group}/messages`, ben, chat({}, "rest"))).status).toBe(403);
});

test("every answer that shows a group says how many members it has", async () => {
  const made = await server.post("/api/groups", ada, { name: "Counted", is_public: true, handle: "counted" });
  const path = `/api/groups/${String(made.body["id"])}`;
  const counts = async (user: TestUser, before: number): Promise<void> => {
    const mine = (await server.get("/api/groups", user)).body as unknown as { handle?: string; member_count: number }[];
    const found = (await server.get("/api/groups/public/search?q=counted", user)).body["groups"] as typeof mine;
    const one = (await server.get("/api/groups/handle/counted", user)).body;
    expect(mine.find(({ handle }) => handle === "counted")?.member_count).toBe(before);
    expect([found[0]?.member_count, one["member_count"]]).toEqual([before, before]);
  };
  expect(made.body["member_count"]).toBe(1);
  await counts(ada, 1);
  expect((await server.post("/api/groups/handle/counted/join", ben, {})).body["member_count"]).toBe(2);
  await counts(ada, 2);
  const { token } = (await server.post(`${path}/invite-links`, ada, {})).body;
  const cleo = await server.register("cleo");
  expect((await server.post(`/api/join/${String(token)}`, cleo, {})).body["member_count"]).toBe(3);
  expect((await server.put(path, ada, { name: "Counted again" })).body["member_count"]).toBe(3);
  await server.post(`${path}/leave`, ben, {});
  await counts(cleo, 2);
});

async function newGroup(): Promise<number> {
  const id = (await server.post("/api/groups", ada, { name: "Walkers" })).body["id"] as number;
  await server.post(`/api/groups/${id}/members`, ada, { user_id: ben.id });
  return id;
}
