import { expect, test } from "vitest";
import { directRef, type ConversationRef } from "../conversations/conversation-ref.ts";
import { conversationStore } from "../conversations/conversation-store.ts";
import { describeDatabases } from "../../tests/fixtures/databases.ts";
import { eraseAtOnce, eraseDeleted } from "./erase-deleted.ts";
import { messageStore, storeMessages } from "./message-store.ts";
import { revisionStore } from "./revision-store.ts";

describeDatabases("what was deleted", (database) => {
  let sweeps = 0;
  const deps = (days: number) => ({
    db: database.db,
    writes: database.writes,
    days,
    sweepFiles: async () => void (sweeps += 1),
  });
  const texts = async (ref: ConversationRef) => {
    const id = "groupId" in ref ? ["group_id = $1", [ref.groupId]] : ["lo = $1 and hi = $2", [ref.lo, ref.hi]];
    const rows = await database.rows<{ content: string }>(
      `select m.content from messages m join conversations c on c.id = m.conversation_id where c.${String(id[0])} order by m.seq`,
      id[1] as number[],
    );
    return rows.map(({ content }) => content);
  };
  let sent = 0;
  const write = (senderId: number, recipientId: number, ...contents: string[]) =>
    storeMessages(
      database.db,
      contents.map((content) => ({
        senderId,
        to: { recipientId },
        clientId: `erase ${(sent += 1)}`,
        messageType: "text" as const,
        content,
        replyToId: undefined,
      })),
    );
  const clear = async (userId: number, ref: ConversationRef, everyone: boolean) => {
    const { conversation_id: id = 0 } = (await conversationStore(database.db).participant(ref, userId)) ?? {};
    await revisionStore(database.writes, database.reads.posts).clear(userId, id, everyone);
    return id;
  };

  test("is erased when its days are over, in batches, and what somebody still sees is not", async () => {
    const [a = 0, b = 0] = await database.addUsers("erase-a", "erase-b");
    const ref = directRef(a, b);
    await write(a, b, ...Array.from({ length: 1_100 }, (_, i) => `old ${i}`));
    await write(b, a, "answer");
    const conversation = await clear(a, ref, false);
    await eraseDeleted(deps(0));
    expect((await texts(ref)).includes("")).toBe(false);
    await clear(b, ref, true);
    await write(a, b, "new");
    await eraseDeleted(deps(30));
    expect((await texts(ref)).includes("")).toBe(false);
    await database.rows("update erasures set deleted_at = now() - interval '30 days' where conversation_id = $1", [
      conversation,
    ]);
    const before = sweeps;
    await eraseDeleted(deps(30));
    expect((await texts(ref)).filter((text) => text !== "")).toEqual(["new"]);
    expect([
      sweeps - before,
      await database.rows("select from erasures where conversation_id = $1", [conversation]),
    ]).toEqual([1, []]);
    // Its places stay, a retry finds its message, and nothing is erased twice.
    expect((await write(b, a, "later")).map(({ seq }) => seq)).toEqual([1_103]);
    await clear(a, ref, false);
    expect(await database.rows("select from erasures where conversation_id = $1", [conversation])).toEqual([]);
  });

  test("of a closed account is erased as if its author had deleted each message, and of a conversation what the other had deleted", async () => {
    const [a = 0, b = 0, c = 0] = await database.addUsers("close-a", "close-b", "close-c");
    await write(a, b, "one", "two");
    await write(b, a, "mine");
    await write(a, b, "three");
    await write(a, c, "to c");
    await write(c, a, "from c");
    await clear(c, directRef(a, c), false);
    const unread = async () => (await conversationStore(database.db).unread(directRef(a, b), b))?.unread_count;
    expect(await unread()).toBe(3);
    await database.rows("update users set deleted_at = now() where id = $1", [a]);
    await database.rows("insert into erasures (user_id) values ($1)", [a]);
    await eraseAtOnce(deps(30), { userId: a });
    expect(await texts(directRef(a, b))).toEqual(["", "", "mine", ""]);
    expect(await unread()).toBe(0);
    const changes = await messageStore(database.db).changedSince(directRef(a, b), b, { ver: 4, limit: 10 });
    // Each has a version of its own, so that a page may end between two.
    expect(changes?.deleted.map(({ seq, ver }) => [seq, ver])).toEqual([
      [1, expect.any(Number)],
      [2, expect.any(Number)],
      [4, expect.any(Number)],
    ]);
    expect(new Set(changes?.deleted.map(({ ver }) => ver)).size).toBe(3);
    const [head] = await conversationStore(database.db).list(b, undefined, 10);
    expect(head?.messages.map((tuple) => tuple[6])).toEqual(["mine"]);
    expect(await texts(directRef(a, c))).toEqual(["", "from c"]);
    await eraseDeleted(deps(0));
    expect(await texts(directRef(a, c))).toEqual(["", ""]);
  });
});
