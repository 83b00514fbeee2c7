import { expect, test } from "vitest";
import { limits } from "@om/protocol";
import { createUserViews } from "../accounts/user-view.ts";
import { createGroup } from "../groups/create-group.ts";
import { describeDatabases, type TestDatabase } from "../../tests/fixtures/databases.ts";
import { advancePositions } from "../conversations/position-store.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { fetchPending, fetchPendingRevisions } from "./fetch-pending.ts";
import { messageStore, storeMessages, type NewMessage } from "./message-store.ts";
import { pendingStore } from "./pending-store.ts";
import { handleSync } from "./handle-frames.ts";
import { postSync } from "./sync-messages.ts";
import { presenceSource } from "../../tests/fixtures/presence-source.ts";

const views = createUserViews({ exposeEmails: false, presence: presenceSource() });
const callerOf = (userId: number) => ({ userId, email: "", role: "user" });

/** `count` messages from one place to another, `1`, `2` and so on. */
async function send({ db }: TestDatabase, senderId: number, to: NewMessage["to"], count: number): Promise<void> {
  const drafts = Array.from({ length: count }, (_, i) => ({
    senderId,
    to,
    clientId: `${JSON.stringify(to)}-${i}`,
    content: String(i + 1),
    messageType: "text" as const,
    replyToId: undefined,
  }));
  for (let start = 0; start < count; start += 100) await storeMessages(db, drafts.slice(start, start + 100));
}
const texts = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, i) => String(from + i));

describeDatabases("sync (§2.10.6, §4.5.3)", (database) => {
  const asked = async (viewer: number, name: string, limit?: number, after = 0) => {
    const deps = { store: messageStore(database.db), views };
    const conversations = [{ conversation_id: name, last_message_id: after }];
    const { results, count } = await postSync(deps, callerOf(viewer), { conversations, limit: limit ?? null });
    const [result] = results;
    if (result === undefined || results.length !== count) throw new Error("one result was asked for");
    return { ...result, texts: result.messages.map(({ content }) => content) };
  };

  test("D-10: up to 200 rows, oldest first; has_more is about the limit that counted", async () => {
    const [a = 0, b = 0] = await database.addUsers("up-to-a", "up-to-b");
    await send(database, a, { recipientId: b }, 250);
    const name = `user_${a}`;
    for (const limit of [1, 50, 101, 200]) {
      const page = await asked(b, name, limit);
      expect([limit, page.texts, page.has_more]).toEqual([limit, texts(1, limit), true]);
      expect(page.next_cursor).toBe(page.messages.at(-1)?.id);
    }
    for (const limit of [undefined, 0, 201]) {
      expect(await asked(b, name, limit)).toMatchObject({ texts: texts(1, 100), has_more: true });
    }
    const first = await asked(b, name, 200);
    expect(await asked(b, name, 200, first.next_cursor)).toMatchObject({ texts: texts(201, 250), has_more: false });
  });

  test("has_more exactly at the limit: false when nothing is left, true when one is", async () => {
    const [a = 0, b = 0] = await database.addUsers("exact-a", "exact-b");
    await send(database, a, { recipientId: b }, 100);
    const name = `user_${a}`;
    for (const limit of [100, 101, 200, undefined]) {
      expect([limit, await asked(b, name, limit)]).toMatchObject([limit, { texts: texts(1, 100), has_more: false }]);
    }
    expect(await asked(b, name, 99)).toMatchObject({ texts: texts(1, 99), has_more: true });
    const frames = async (count: number) => {
      const conversations = [{ conversation_id: name, last_message_id: 0 }];
      const found = [];
      const deps = { store: messageStore(database.db), views };
      for await (const frame of handleSync(deps, callerOf(b), { conversations })) found.push(frame);
      return found.map(({ messages, has_more: more }) => [messages.length, more, count]);
    };
    expect(await frames(100)).toEqual([[100, false, 100]]);
    await send(database, b, { recipientId: a }, 1);
    expect(await frames(101)).toEqual([[100, true, 101]]);
  });

  test("one answer holds a bounded amount of text, and says of the rest that there is more", async () => {
    const [a = 0, b = 0, c = 0] = await database.addUsers("much-a", "much-b", "much-c");
    const most = Math.ceil(limits.syncTotalText / 16_000);
    const drafts = Array.from({ length: most + 4 }, (_, i): NewMessage => ({
      senderId: a,
      to: { recipientId: b },
      clientId: String(i),
      content: "x".repeat(16_000),
      messageType: "text",
      replyToId: undefined,
    }));
    await storeMessages(database.db, drafts);
    await send(database, c, { recipientId: b }, 1);
    const deps = { store: messageStore(database.db), views };
    const conversations = [{ conversation_id: `user_${a}` }, { conversation_id: `user_${c}` }];
    const { results } = await postSync(deps, callerOf(b), { conversations });
    expect(results.map((one) => [one.messages.length, one.has_more])).toEqual([
      [most, true],
      [0, true],
    ]);
    expect(await asked(b, `user_${a}`, 200, results[0]?.next_cursor)).toMatchObject({ has_more: false });
  });

  test("A4: of long texts little is read at once; nothing is left out for that, and the rest is announced", async () => {
    const [a = 0, b = 0] = await database.addUsers("long-a", "long-b");
    const long = "x".repeat(16_000);
    const draft = (i: number, content: string, replyToId?: number): NewMessage => ({
      senderId: a,
      to: { recipientId: b },
      clientId: `long-${i}`,
      content,
      messageType: "text",
      replyToId,
    });
    const [first] = await storeMessages(database.db, [draft(0, long)]);
    // Short ones, each with a long one that it replies to.
    for (let i = 1; i < 30; i++)
      await storeMessages(database.db, [draft(i, i < 20 ? long : "y", i < 20 ? undefined : first?.id)]);
    const read: number[] = [];
    const db: Queries = {
      async query(statement, values) {
        const rows = await database.db.query(statement, values);
        read.push(JSON.stringify(rows).length);
        return rows;
      },
    };
    const deps = { store: messageStore(db), views };
    const conversations = [{ conversation_id: `user_${a}` }];
    const { results } = await postSync(deps, callerOf(b), { conversations });
    expect(results.map((one) => [one.messages.length, one.has_more])).toEqual([[30, false]]);
    expect(await postSync(deps, callerOf(b), { conversations, limit: 12 })).toMatchObject({
      results: [{ has_more: true, messages: { length: 12 } }],
    });
    for await (const frame of handleSync(deps, callerOf(b), { conversations }))
      expect([frame.messages.length, frame.has_more]).toEqual([4, true]);

    const pending = { store: pendingStore(db), views, days: 30 };
    const sentSeqs = new Map<number, number>();
    const pages: [count: number, hasMore: boolean][] = [];
    for (let more = true; more;) {
      const [page] = await fetchPending(pending, [{ userId: b, sentSeqs }]);
      for (const { conversationId, frame } of page?.messages ?? []) sentSeqs.set(conversationId, frame.seq);
      more = page?.hasMore === true;
      pages.push([page?.messages.length ?? 0, more]);
    }
    expect([pages.length > 2, pages.reduce((sum, [count]) => sum + count, 0)]).toEqual([true, 30]);

    await advancePositions(database.db, [{ userId: b, to: { latestOfPeer: a }, read: false }]);
    for (const { id } of results[0]?.messages ?? [])
      await database.rows("select revise_message($1, $2, $3)", [a, id, long]);
    const edits: number[] = [];
    for (let count = 1; count > 0;) {
      const [[revised] = []] = await fetchPendingRevisions(pending, [b]);
      count = revised?.frames.length ?? 0;
      edits.push(count);
      if (revised) await pending.store.advanceDeliveredVer(b, revised.conversationId, revised.upToVer);
    }
    expect([edits.length > 3, edits.reduce((sum, count) => sum + count, 0)]).toEqual([true, 30]);
    expect(Math.max(...read)).toBeLessThan(200_000);
  });

  test("a foreign group is an empty result like one that does not exist, an own group is not", async () => {
    const [member = 0, stranger = 0] = await database.addUsers("foreign-a", "foreign-b");
    const deps = { db: database.db, writes: database.writes, views, publishGroupEvent: () => undefined };
    const { id } = await createGroup(deps, callerOf(member), { name: "Ours" });
    await send(database, member, { groupId: id }, 3);
    expect((await asked(member, `group_${id}`)).texts).toEqual(["1", "2", "3"]);
    for (const name of [`group_${id}`, "group_999999"]) {
      const { texts: _, ...empty } = await asked(stranger, name);
      expect(empty).toEqual({ conversation_id: name, has_more: false, messages: [] });
    }
  });

  test("malformed id: 500 sync_failed for the whole call, skipped by the frame", async () => {
    const [a = 0, b = 0] = await database.addUsers("malformed-a", "malformed-b");
    await send(database, a, { recipientId: b }, 1);
    const deps = { store: messageStore(database.db), views };
    for (const bad of ["x", "user_", "user_x", "group_-1", "user_1_2", "USER_1", " user_1", "peer_1"]) {
      const conversations = [{ conversation_id: `user_${a}` }, { conversation_id: bad }];
      await expect(postSync(deps, callerOf(b), { conversations })).rejects.toMatchObject({
        code: "sync_failed",
        status: 500,
      });
      const answered = [];
      for await (const frame of handleSync(deps, callerOf(b), { conversations })) answered.push(frame.conversation_id);
      expect([bad, answered]).toEqual([bad, [`user_${a}`]]);
    }
  });
});
