import { Conversation } from "@om/protocol";
import { Compile } from "typebox/compile";
import { describe, expect, test } from "vitest";
import { createUserViews } from "../accounts/user-view.ts";
import { createGroup } from "../groups/create-group.ts";
import { messageStore, storeMessages } from "../messages/message-store.ts";
import { fetchHistory } from "../messages/fetch-history.ts";
import { describeDatabases, type TestDatabase } from "../../tests/fixtures/databases.ts";
import { conversationStore } from "./conversation-store.ts";
import { listConversations } from "./list-conversations.ts";
import { presenceSource } from "../../tests/fixtures/presence-source.ts";

const isConversation = Compile(Conversation);
const views = createUserViews({ exposeEmails: false, presence: presenceSource() });
const callerOf = (userId: number) => ({ userId, email: "", role: "user" });
let sent = 0;
const draft = (senderId: number, to: { recipientId: number } | { groupId: number }) => ({
  senderId,
  to,
  clientId: `list-${(sent += 1)}`,
  content: "salam",
  messageType: "text" as const,
  replyToId: undefined,
});

/** What one user does and sees. */
function actions({ db, reads, writes }: TestDatabase, me: number) {
  const deps = { store: conversationStore(db), views, ...reads };
  const list = (query: Parameters<typeof listConversations>[2]) =>
    listConversations(deps, callerOf(me), query, reads.once());
  return {
    list,
    group: async (name: string) =>
      (await createGroup({ db, writes, views, publishGroupEvent: () => undefined }, callerOf(me), { name })).id,
    /** Names of all entries, page by page. */
    async walk(limit: number): Promise<string[][]> {
      const pages: string[][] = [];
      for (let cursor: Parameters<typeof list>[0] = {}; ;) {
        const page = await list({ ...cursor, limit: String(limit) });
        pages.push(page.conversations.map((one) => one.conversation_id));
        const { next_cursor_created_at: at, next_cursor_message_id: id } = page;
        expect([at === undefined, page.count]).toEqual([id === undefined, page.conversations.length]);
        if (at === undefined) return pages;
        cursor = { cursor_created_at: at, cursor_message_id: String(id) };
      }
    },
  };
}

describeDatabases("conversation list (§2.10.1)", (database) => {
  test("DM, group and empty group in one list, by activity; an empty group has no message and stands where it last changed", async () => {
    const [me = 0, peer = 0] = await database.addUsers("mixed-me", "mixed-peer");
    const { group, list } = actions(database, me);
    const first = await group("First, empty");
    await storeMessages(database.db, [draft(peer, { recipientId: me })]);
    const talk = await group("With a message");
    const last = await group("Last, empty");
    await storeMessages(database.db, [draft(me, { groupId: talk })]);
    const { conversations, count } = await list({});
    expect(conversations.map((one) => one.conversation_id)).toEqual([
      `group_${talk}`,
      `group_${last}`,
      `user_${peer}`,
      `group_${first}`,
    ]);
    expect([count, conversations.every((one) => isConversation.Check(one))]).toEqual([4, true]);
    expect(conversations).toMatchObject([
      { peer: null, group: { id: talk, name: "With a message", icon: "", member_count: 1 }, unread_count: 0 },
      { peer: null, group: { id: last }, last_message: null, unread_count: 0 },
      { peer: { id: peer }, group: null, last_message: { sender_id: peer, recipient_id: me }, unread_count: 1 },
      { peer: null, group: { id: first }, last_message: null, unread_count: 0 },
    ]);
    expect(conversations[0]?.last_message).toMatchObject({ group_id: talk, recipient_id: null });
    expect(conversations[0]?.last_activity).toBe(conversations[0]?.last_message?.created_at);
    const changed = await database.rows("select true from groups where id = $1 and updated_at = $2::timestamptz", [
      last,
      conversations[1]?.last_activity,
    ]);
    expect(changed).toHaveLength(1);
  });

  test("D-22: a page that ends in an empty group has the cursor 0, from which the next one goes on", async () => {
    const [me = 0, peer = 0] = await database.addUsers("empty-me", "empty-peer");
    const { group, list, walk } = actions(database, me);
    const first = await group("1");
    await storeMessages(database.db, [draft(peer, { recipientId: me })]);
    const last = await group("2");
    const page = await list({ limit: "1" });
    expect(page).toMatchObject({ count: 1, next_cursor_message_id: 0 });
    expect(page.next_cursor_created_at).toBe(page.conversations[0]?.last_activity);
    const expected = [`group_${last}`, `user_${peer}`, `group_${first}`];
    expect(await walk(1)).toEqual(expected.map((name) => [name]));
    expect(await walk(2)).toEqual([expected.slice(0, 2), expected.slice(2)]);
    expect(await walk(3)).toEqual([expected]);
  });

  test("two-key cursor through equal timestamps: every entry once, highest message id first", async () => {
    const [me = 0, ...peers] = await database.addUsers("equal-me", "equal-1", "equal-2", "equal-3", "equal-4");
    const { group, walk } = actions(database, me);
    const [empty, talk] = [await group("empty"), await group("talk")];
    for (const peer of peers) await storeMessages(database.db, [draft(peer, { recipientId: me })]);
    await storeMessages(database.db, [draft(me, { groupId: talk })]);
    const at = "2026-03-04T05:06:07.123456Z";
    await database.rows("update conversations set last_message_at = $1 where last_message_at is not null", [at]);
    await database.rows("update groups set updated_at = $1 where id = $2", [at, empty]);
    const newestFirst = [`group_${talk}`, ...peers.toReversed().map((id) => `user_${id}`), `group_${empty}`];
    for (const limit of [1, 2, 3, 4, 5, 6]) {
      const pages = await walk(limit);
      expect(pages.flat()).toEqual(newestFirst);
      expect(pages.every((page) => page.length <= limit)).toBe(true);
    }
  });

  test("through groups without a message that changed at the same time: every one once, newest group first", async () => {
    const [me = 0, peer = 0] = await database.addUsers("tied-me", "tied-peer");
    const { group, list, walk } = actions(database, me);
    const groups: number[] = [];
    for (const name of ["1", "2", "3", "4", "5"]) groups.push(await group(name));
    await storeMessages(database.db, [draft(peer, { recipientId: me })]);
    const at = "2026-03-04T05:06:07.123456Z";
    await database.rows("update conversations set last_message_at = $1 where lo is not null and $2 in (lo, hi)", [
      at,
      me,
    ]);
    await database.rows("update groups set updated_at = $1 where id = any($2)", [at, groups]);
    const newestFirst = [`user_${peer}`, ...groups.toReversed().map((id) => `group_${id}`)];
    for (const limit of [1, 2, 3, 4, 5, 6]) {
      const pages = await walk(limit);
      expect(pages.flat()).toEqual(newestFirst);
      expect(pages.every((page) => page.length <= limit)).toBe(true);
    }
    // The cursor 0 stands below all of them.
    expect(await list({ cursor_created_at: at, cursor_message_id: "0" })).toMatchObject({ count: 0 });
  });

  describe("limit out of range", () => {
    const odd = ["0", "101", "-1", "1.5", "x", "", "99999999999999999999"];

    test("of the list: 50; 1 and 100 are in range (D-21: a small page asked first shortens no later one)", async () => {
      const [me = 0, ...peers] = await database.addUsers(...Array.from({ length: 113 }, (_, i) => `range-${i}`));
      await storeMessages(
        database.db,
        peers.map((peer) => draft(peer, { recipientId: me })),
      );
      const { list } = actions(database, me);
      const sizes = async (limit: string) => {
        const { count, conversations, next_cursor_message_id: next } = await list({ limit });
        return [limit, count, conversations.length, next !== undefined];
      };
      expect(await sizes("1")).toEqual(["1", 1, 1, true]);
      expect(await sizes("100")).toEqual(["100", 100, 100, true]);
      for (const limit of odd) expect(await sizes(limit)).toEqual([limit, 50, 50, true]);
      expect((await list({})).count).toBe(50);
    });

    test("of history: 50; 1 and 100 are in range (D-21), and next_cursor is the last id of every page but an empty one", async () => {
      const [me = 0, peer = 0] = await database.addUsers("pages-me", "pages-peer");
      await storeMessages(
        database.db,
        Array.from({ length: 120 }, () => draft(peer, { recipientId: me })),
      );
      const deps = { store: messageStore(database.db), views, ...database.reads };
      const page = (query: { limit?: string; cursor?: string }) =>
        fetchHistory(deps, callerOf(me), { recipient_id: String(peer), ...query }, database.reads.once());
      expect((await page({ limit: "1" })).count).toBe(1);
      const full = await page({ limit: "100" });
      expect([full.count, full.messages.length, full.next_cursor]).toEqual([100, 100, full.messages.at(-1)?.id]);
      for (const limit of odd) expect([limit, (await page({ limit })).count]).toEqual([limit, 50]);
      const rest = await page({ limit: "100", cursor: String(full.next_cursor) });
      expect([rest.count, rest.next_cursor]).toEqual([20, rest.messages.at(-1)?.id]);
      expect(await page({ cursor: String(rest.next_cursor) })).toMatchObject({ count: 0, messages: [] });
      expect((await page({ cursor: "0" })).messages[0]?.id).toBe(full.messages[0]?.id);
    });
  });
});
