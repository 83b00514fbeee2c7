import { expect, test } from "vitest";
import { describeDatabases } from "../../tests/fixtures/databases.ts";
import { conversationStore } from "../conversations/conversation-store.ts";
import { storeMessages, type NewMessage } from "./message-store.ts";

describeDatabases("C5: order never depends on a clock", (database) => {
  /** The clock was so many seconds ahead when the last message was written. */
  const wasAhead = (seconds: number) =>
    database.rows("select setval('message_times', ((extract(epoch from clock_timestamp()) + $1) * 1000000)::bigint)", [
      seconds,
    ]);
  let sent = 0;
  const send = async (senderId: number, ...to: NewMessage["to"][]): Promise<string[]> => {
    const drafts = to.map((one) => ({
      senderId,
      to: one,
      clientId: `time-${(sent += 1)}`,
      content: "x",
      messageType: "text" as const,
      replyToId: undefined,
    }));
    return (await storeMessages(database.db, drafts)).map((row) => row.created_at);
  };
  const listOf = async (userId: number) => {
    const rows = await conversationStore(database.db, () => undefined).list(userId, undefined, 10);
    return rows.map(({ lo, hi, group_id: group }) => (group === null ? (lo === userId ? hi : lo) : `group ${group}`));
  };

  test("after the clock was set back messages have the newest time of all, in every conversation, and the list begins with what was written last", async () => {
    const [a = 0, b = 0, c = 0] = await database.addUsers("time-a", "time-b", "time-c");
    // Both ways to store: the first message of a conversation, and one alone in a conversation that is there.
    await send(a, { recipientId: b });
    await send(a, { recipientId: c });
    await wasAhead(600);
    const [first = ""] = await send(a, { recipientId: b });
    const [second = ""] = await send(a, { recipientId: c });
    expect(await listOf(a)).toEqual([c, b]);
    const later = [...(await send(a, { recipientId: b })), ...(await send(a, { recipientId: b }, { recipientId: c }))];
    expect([first, second, ...later]).toEqual([first, second, ...later].toSorted());
    expect(Date.parse(first) - Date.now()).toBeGreaterThan(500_000);
    expect(await listOf(a)).toEqual([c, b]);
    await send(b, { recipientId: a });
    expect(await listOf(a)).toEqual([b, c]);
  });

  test("the time goes on as soon as the clock is right, and one that was days ahead is not followed", async () => {
    const [a = 0, b = 0] = await database.addUsers("time-d", "time-e");
    await wasAhead(2 * 24 * 3600);
    const [time = ""] = await send(a, { recipientId: b });
    expect(Math.abs(Date.parse(time) - Date.now())).toBeLessThan(60_000);
  });
});
