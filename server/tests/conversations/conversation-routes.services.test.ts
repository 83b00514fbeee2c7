import { Conversation, Message, RecentPeer, type routes } from "@om/protocol";
import { querySync } from "@om/services";
import { Compile } from "typebox/compile";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startChatServer, type ChatServer, type TestUser } from "../fixtures/chat-server.ts";
import { migratedDatabase } from "../fixtures/migrated-database.ts";

type Routes = typeof routes;
const paths: Record<Extract<keyof Routes, "conversations" | "history" | "sync">, string> = {
  conversations: "/api/conversations",
  history: "/api/messages",
  sync: "/api/messages/sync",
};
const isConversation = Compile(Conversation);
const isMessage = Compile(Message);
const isPeer = Compile(RecentPeer);

describe("conversation and message routes", () => {
  let url: string;
  let server: ChatServer;
  let me: TestUser;
  let peers: TestUser[];
  beforeAll(async () => {
    url = await migratedDatabase();
    server = await startChatServer({ DATABASE_URL: url });
    me = await server.register("reader");
    peers = [];
    for (let i = 0; i < 7; i++) peers.push(await server.register(`peer_${i}`));
    for (const peer of peers) {
      await server.post("/api/messages", peer, { recipient_id: me.id, content: `from ${peer.name}` });
      await server.post("/api/messages", peer, { recipient_id: me.id, content: `again from ${peer.name}` });
    }
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });
  const namesOf = (body: Record<string, unknown>): string[] =>
    (body["conversations"] as { conversation_id: string }[]).map((one) => one.conversation_id);

  test("list: newest first, every field of the schema, unread numbers, no cursor on the last page", async () => {
    const { status, body } = await server.get(paths.conversations, me);
    expect(status).toBe(200);
    expect(namesOf(body)).toEqual(peers.toReversed().map(({ id }) => `user_${id}`));
    expect(body).toMatchObject({ count: 7 });
    expect(body).not.toHaveProperty("next_cursor_created_at");
    for (const one of body["conversations"] as unknown[]) {
      expect(isConversation.Check(one)).toBe(true);
      expect(one).toMatchObject({
        unread_count: 2,
        group: null,
        peer: { email: "" },
        last_message: { sender: { email: "" } },
      });
    }
  });

  test("list: the two-key cursor walks every entry once, through equal timestamps too", async () => {
    querySync(url, "update conversations set last_message_at = '2026-03-04T05:06:07.123456Z'");
    const seen: string[] = [];
    for (let query = "?limit=2"; ;) {
      const { body } = await server.get(`${paths.conversations}${query}`, me);
      seen.push(...namesOf(body));
      const at = body["next_cursor_created_at"] as string | undefined;
      if (at === undefined) break;
      query = `?limit=2&cursor_created_at=${encodeURIComponent(at)}&cursor_message_id=${Number(body["next_cursor_message_id"])}`;
    }
    expect(seen).toEqual(peers.toReversed().map(({ id }) => `user_${id}`));
  });

  test("list: bad cursors have their codes, 0 is a position, a limit out of range is 50", async () => {
    const ask = async (query: string) => (await server.get(`${paths.conversations}?${query}`, me)).body;
    for (const bad of [
      "yesterday",
      "2026-13-01T00:00:00Z",
      "2026-02-30T00:00:00Z",
      "2026-01-01",
      "0000-01-01T00:00:00Z",
    ]) {
      expect(await ask(`cursor_created_at=${bad}`)).toMatchObject({ code: "invalid_cursor_created_at" });
    }
    for (const bad of ["", "-1", "x", "1.5", "9999999999999999999"]) {
      expect(await ask(`cursor_created_at=2026-01-01T00:00:00Z&cursor_message_id=${bad}`)).toMatchObject({
        code: "invalid_cursor_message_id",
      });
    }
    expect(await ask("cursor_created_at=2030-01-01T00:00:00Z&cursor_message_id=0")).toMatchObject({ count: 7 });
    for (const limit of ["0", "101", "-3", "x", ""]) expect(await ask(`limit=${limit}`)).toMatchObject({ count: 7 });
    expect(await ask("limit=3")).toMatchObject({ count: 3 });
    expect(await ask("cursor_message_id=1")).toMatchObject({ count: 7 });
  });

  test("peers: newest first, bounded by limit", async () => {
    const { body } = await server.get("/api/conversations/peers?limit=3", me);
    expect(body).toMatchObject({ count: 3 });
    for (const one of body["peers"] as unknown[]) expect(isPeer.Check(one)).toBe(true);
    expect((await server.get("/api/conversations/peers", await server.register("lonely"))).body).toEqual({
      count: 0,
      peers: [],
    });
  });

  test("mark-read: cleared counts what was unread, once; bad ids have their code; the list agrees", async () => {
    const [peer] = peers;
    const path = `/api/conversations/${peer?.id}/read`;
    expect((await server.post(path, me, {})).body).toEqual({ cleared: 2, ok: true });
    expect((await server.post(path, me, {})).body).toEqual({ cleared: 0, ok: true });
    const { body } = await server.get(paths.conversations, me);
    const list = body["conversations"] as { conversation_id: string; unread_count: number }[];
    expect(list.find((one) => one.conversation_id === `user_${peer?.id}`)?.unread_count).toBe(0);
    for (const bad of ["0", "-1", "x", "99999999999999999999"]) {
      expect((await server.post(`/api/conversations/${bad}/read`, me, {})).body).toMatchObject({
        code: "invalid_peer_id",
      });
    }
    expect((await server.post("/api/conversations/123456/read", me, {})).body).toEqual({ cleared: 0, ok: true });
  });

  test("history: newest first, next_cursor on every page that has messages, bad parameters have their codes", async () => {
    const [peer] = peers;
    const ask = async (query: string) => (await server.get(`${paths.history}?${query}`, me)).body;
    const first = await ask(`recipient_id=${peer?.id}&limit=1`);
    const [message] = first["messages"] as { id: number; content: string }[];
    expect([isMessage.Check(message), message?.content]).toEqual([true, `again from ${peer?.name}`]);
    const second = await ask(`recipient_id=${peer?.id}&limit=1&cursor=${Number(first["next_cursor"])}`);
    expect(second).toMatchObject({ count: 1, messages: [{ content: `from ${peer?.name}` }] });
    const third = await ask(`recipient_id=${peer?.id}&cursor=${Number(second["next_cursor"])}`);
    expect(third).toEqual({ count: 0, messages: [], ver: expect.any(Number) as number });
    expect(await ask(`recipient_id=${peer?.id}&cursor=0&limit=500`)).toMatchObject({ count: 2 });
    expect(await ask("recipient_id=987654")).toEqual({ count: 0, messages: [], ver: 0 });
    expect(await ask("")).toMatchObject({ code: "missing_recipient" });
    expect(await ask("recipient_id=x")).toMatchObject({ code: "invalid_recipient" });
    expect(await ask(`recipient_id=${peer?.id}&cursor=-1`)).toMatchObject({ code: "invalid_cursor" });
  });

  test("sync: a result per request in order, up to 200 rows, refusals have their codes", async () => {
    const [peer, other] = peers;
    const names = [`user_${other?.id}`, `user_${peer?.id}`, "group_5", "user_987654"];
    const conversations = names.map((conversation_id) => ({ conversation_id, last_message_id: 0 }));
    const { body } = await server.post(paths.sync, me, { conversations, limit: 200 });
    const results = body["results"] as { conversation_id: string; messages: { seq: number }[]; has_more: boolean }[];
    expect(results.map((one) => one.conversation_id)).toEqual(names);
    expect(results.map(({ messages }) => messages.map(({ seq }) => seq))).toEqual([[1, 2], [1, 2], [], []]);
    const one = await server.post(paths.sync, me, { conversations: conversations.slice(0, 1), limit: 1 });
    expect(one.body).toMatchObject({ results: [{ has_more: true, messages: [{ seq: 1 }] }] });
    const refusal = async (request: unknown) => (await server.post(paths.sync, me, request)).body["code"];
    expect(await refusal({})).toBe("missing_conversations");
    expect(await refusal({ conversations: [] })).toBe("missing_conversations");
    expect(await refusal({ conversations: [{ conversation_id: "  " }] })).toBe("invalid_conversation_id");
    expect(await refusal({ conversations: [{ conversation_id: "user_x" }] })).toBe("sync_failed");
    const many = Array.from({ length: 5_001 }, () => ({ conversation_id: "user_1" }));
    expect(await refusal({ conversations: many })).toBe("too_many_conversations");
    expect(await refusal({ conversations: [{ conversation_id: "user_1", last_message_id: "7" }] })).toBe(
      "invalid_request_body",
    );
  });

  test("sync of two million conversations is refused by its size", async () => {
    const conversations = Array.from({ length: 2_000_000 }, () => ({ conversation_id: "user_1" }));
    const response = await fetch(`${server.url}${paths.sync}`, {
      method: "POST",
      headers: { authorization: `Bearer ${me.token}`, "content-type": "application/json" },
      body: JSON.stringify({ conversations }),
    }).catch((error: unknown) => error);
    // The answer may be cut off by the closed connection, but the server is there.
    if (response instanceof Response) expect(response.status).toBe(413);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
  });
});
