import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { startChatServer, type ChatServer, type TestUser } from "../fixtures/chat-server.ts";

let server: ChatServer;
beforeAll(async () => void (server = await startChatServer()));
afterEach(() => server.closeSockets());
afterAll(() => server[Symbol.asyncDispose]());

let pairs = 0;
/** Two people who have written with each other, and a group of them. */
async function pair() {
  pairs += 1;
  const [ada, foe] = [await server.register(`ada_${pairs}`), await server.register(`foe_${pairs}`)];
  const group = (await server.post("/api/groups", ada, { name: "Both" })).body["id"] as number;
  await server.post(`/api/groups/${group}/members`, ada, { user_id: foe.id });
  const write = async (from: TestUser, to: TestUser, content: string, more = {}): Promise<number> => {
    const { body } = await server.post("/api/messages", from, { recipient_id: to.id, content, ...more });
    return body["id"] as number;
  };
  const history = async (of: TestUser, peer: TestUser) =>
    (await server.get(`/api/messages?recipient_id=${peer.id}`, of)).body["messages"] as {
      id: number;
      status: string;
      content: string;
    }[];
  return { ada, foe, group, write, history };
}

test("whoever is blocked learns of nothing that is read or received from then on, in no answer and no frame, until the block ends", async () => {
  const { ada, foe, group, write, history } = await pair();
  const first = await write(foe, ada, "seen before");
  await server.post(`/api/conversations/${foe.id}/read`, ada, {});
  const second = await write(foe, ada, "read later", { client_id: "second" });
  const post = (await server.post(`/api/groups/${group}/messages`, foe, { client_id: `g${foe.id}`, content: "all" }))
    .body["id"];
  await server.post(`/api/users/block/${foe.id}`, ada, {});
  const [spy, own] = [await server.open(foe, "&resume=1"), await server.open(ada, "&resume=1")];
  await server.post(`/api/conversations/${foe.id}/read`, ada, {});
  await server.post(`/api/groups/${group}/read`, ada, { last_read_message_id: post });
  expect((await own.next("read_update"))["conversation_id"]).toBe(`user_${foe.id}`);
  await own.next("group_read_update");
  await spy.settled();
  expect(spy.frames.filter(({ type }) => /update|status/.test(type))).toEqual([]);

  const statuses = async () => Object.fromEntries((await history(foe, ada)).map(({ id, status }) => [id, status]));
  expect(await statuses()).toEqual({ [first]: "read", [second]: "sent" });
  // Kept by now.
  expect(await statuses()).toEqual({ [first]: "read", [second]: "sent" });
  const head = (await server.get("/api/conversations", foe)).body["conversations"] as { conversation_id: string }[];
  expect(head.find(({ conversation_id: id }) => id === `user_${ada.id}`)).toMatchObject({
    peer_position: { read_message_id: first, delivered_message_id: first },
    last_message: { id: second, status: "sent", is_read: false },
    peer: { is_online: false, last_seen: null },
  });
  spy.send("chat", { client_id: "second", recipient_id: ada.id, content: "read later" });
  expect(await spy.next("ack")).toMatchObject({ server_id: second, status: "sent" });
  const state = (await server.get(`/api/groups/${group}/read-state`, foe)).body["members"] as { user_id: number }[];
  expect(state.filter(({ user_id: id }) => id === ada.id)).toEqual([]);
  expect((await history(ada, foe)).find(({ id }) => id === second)).toMatchObject({ status: "read", is_read: true });

  await server.post(`/api/users/unblock/${foe.id}`, ada, {});
  expect(await statuses()).toEqual({ [first]: "read", [second]: "read" });
});

test("pushes and edits show nothing of presence between two of whom one has blocked the other", async () => {
  const { ada, foe, group, write } = await pair();
  const friend = await server.register(`friend_${pairs}`);
  await server.post(`/api/groups/${group}/members`, ada, { user_id: friend.id });
  await write(ada, foe, "we wrote");
  await write(ada, friend, "hello");
  await server.post(`/api/users/block/${foe.id}`, ada, {});
  await server.open(ada);
  const [spy, watch] = [await server.open(foe), await server.open(friend)];
  const direct = await write(ada, foe, "a last word");
  const { id } = (await server.post(`/api/groups/${group}/messages`, ada, { client_id: "g", content: "to all" })).body;
  for (const one of [direct, id]) await server.put(`/api/messages/${String(one)}`, ada, { content: "better" });
  const sender = async (socket: typeof spy, type: string) =>
    ((await socket.next(type))["message"] as { sender: unknown }).sender;
  const hidden = { id: ada.id, email: "", is_online: false, last_seen: null };
  for (const type of ["message", "message", "message_edit", "message_edit"])
    expect([type, await sender(spy, type)]).toMatchObject([type, hidden]);
  for (const type of ["message", "message_edit"])
    expect([type, await sender(watch, type)]).toMatchObject([
      type,
      { id: ada.id, email: "", is_online: true, last_seen: null },
    ]);
});

test("whoever is blocked deletes only the own side", async () => {
  const { ada, foe, write, history } = await pair();
  const threat = await write(foe, ada, "a threat");
  await write(ada, foe, "stop it");
  await server.post(`/api/users/block/${foe.id}`, ada, {});
  const own = await server.open(ada);
  expect((await server.remove(`/api/messages/${threat}`, foe)).status).toBe(403);
  expect((await server.remove(`/api/conversations/user_${ada.id}?everyone=true`, foe)).status).toBe(200);
  await own.settled();
  expect(own.frames.filter(({ type }) => type.endsWith("_delete"))).toEqual([]);
  expect((await history(ada, foe)).map(({ content }) => content)).toEqual(["stop it", "a threat"]);
  expect(await history(foe, ada)).toEqual([]);
  // What only its author sees is the author's own.
  const unseen = await write(foe, ada, "hidden");
  expect((await server.remove(`/api/messages/${unseen}`, foe)).status).toBe(200);
  await server.remove(`/api/conversations/user_${foe.id}?everyone=true`, ada);
  expect(await history(ada, foe)).toEqual([]);
});
