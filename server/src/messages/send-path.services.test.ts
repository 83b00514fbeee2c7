import fc from "fast-check";
import { expect, test } from "vitest";
import { createUserViews } from "../accounts/user-view.ts";
import { conversationStore } from "../conversations/conversation-store.ts";
import { listChanges } from "../conversations/list-changes.ts";
import { listConversations } from "../conversations/list-conversations.ts";
import { advancePositions } from "../conversations/position-store.ts";
import { describeDatabases } from "../../tests/fixtures/databases.ts";
import { listMessageChanges } from "./list-message-changes.ts";
import { messageStore, storeMessages, type NewMessage } from "./message-store.ts";
import { pendingStore } from "./pending-store.ts";
import { fetchHistory } from "./fetch-history.ts";
import { fetchPending } from "./fetch-pending.ts";
import { postSync } from "./sync-messages.ts";
import { statement } from "../platform/postgres/statement.ts";
import { presenceSource } from "../../tests/fixtures/presence-source.ts";

const views = createUserViews({ exposeEmails: false, presence: presenceSource() });
const message = (senderId: number, recipientId: number, clientId: string, content = clientId): NewMessage => ({
  senderId,
  to: { recipientId },
  clientId,
  content,
  messageType: "text",
  replyToId: undefined,
});
const callerOf = (userId: number) => ({ userId, email: "", role: "user" });

/** Rows of messages that the transaction has read. */
const fetched = statement<{ n: number }>(
  "test.fetched",
  `select coalesce(sum(seq_tup_read + idx_tup_fetch), 0)::int as n from pg_stat_xact_user_tables where relname = 'messages'`,
);

describeDatabases(
  "send path",
  (database) => {
    test("64 concurrent retries of one client_id store one row and answer alike", async () => {
      const [a = 0, b = 0] = await database.addUsers("retry-a", "retry-b");
      const answers = await Promise.all(
        Array.from({ length: 64 }, () => storeMessages(database.db, [message(a, b, "once")])),
      );
      const rows = answers.map(([row]) => row);
      expect(rows.filter((row) => row?.outcome === "stored")).toHaveLength(1);
      expect(new Set(rows.map((row) => JSON.stringify([row?.id, row?.seq, row?.ver, row?.created_at])))).toHaveProperty(
        "size",
        1,
      );
      const [count] = await database.rows<{ n: number }>("select count(*) as n from messages where sender_id = $1", [
        a,
      ]);
      expect(count?.n).toBe(1);
    });

    test("a message costs the same however long its conversation is", async () => {
      const [a = 0, b = 0] = await database.addUsers("long-a", "long-b");
      const batch = (from: number, size: number): NewMessage[] =>
        Array.from({ length: size }, (_, i) => message(a, b, `long ${from + i}`));
      for (let from = 0; from < 600; from += 100) await storeMessages(database.db, batch(from, 100));
      const [row] = await database.db.transaction(async (queries) => {
        await storeMessages(queries, batch(600, 4));
        return queries.query(fetched, []);
      });
      expect(row?.n).toBeLessThan(50);
    });

    test("a client_id used in another conversation answers with the first message and stores nothing", async () => {
      const [a = 0, b = 0, c = 0] = await database.addUsers("other-a", "other-b", "other-c");
      const [first] = await storeMessages(database.db, [message(a, b, "same")]);
      const [second] = await storeMessages(database.db, [message(a, c, "same")]);
      expect(second).toMatchObject({ outcome: "duplicate", id: first?.id, recipient_id: b });
    });

    test("an unknown recipient gets no row and disturbs nobody in the batch", async () => {
      const [a = 0, b = 0] = await database.addUsers("unknown-a", "unknown-b");
      const rows = await storeMessages(database.db, [message(a, 999_999, "x"), message(a, b, "y"), message(a, 0, "z")]);
      expect(rows.map(({ ord, outcome }) => [ord, outcome])).toEqual([[2, "stored"]]);
    });

    test("ids, seq and ver ascend together without a gap, from several connections at once", async () => {
      const [a = 0, b = 0] = await database.addUsers("order-a", "order-b");
      await Promise.all(
        Array.from({ length: 40 }, (_, batch) =>
          storeMessages(
            database.db,
            Array.from({ length: 5 }, (_, i) => message(batch % 2 ? a : b, batch % 2 ? b : a, `${batch}-${i}`)),
          ),
        ),
      );
      const rows = await database.rows<{ id: number; seq: number; ver: number }>(
        "select m.id, m.seq, m.ver from messages m join conversations c on c.id = m.conversation_id where c.lo = $1 order by m.id",
        [Math.min(a, b)],
      );
      expect(rows.map(({ seq }) => seq)).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
      expect(rows.map(({ ver }) => ver)).toEqual(rows.map(({ seq }) => seq));
    });

    test("unread is exact whatever the order of sends, reads and deliveries", async () => {
      let round = 0;
      const step = fc.oneof(
        fc.record({ kind: fc.constant("send" as const), from: fc.nat(1), count: fc.integer({ min: 1, max: 3 }) }),
        fc.record({ kind: fc.constant("read" as const), by: fc.nat(1), at: fc.nat(30) }),
        fc.record({ kind: fc.constant("deliver" as const), by: fc.nat(1), at: fc.nat(30) }),
        fc.record({ kind: fc.constant("readAll" as const), by: fc.nat(1) }),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), async (steps) => {
          round += 1;
          const people = await database.addUsers(`unread-${round}-a`, `unread-${round}-b`);
          const sent: { id: number; by: number }[] = [];
          const readTo = [0, 0];
          const deliveredTo = [0, 0];
          const personOf = (index: number): number => people[index] ?? 0;
          for (const [index, one] of steps.entries()) {
            if (one.kind === "send") {
              const batch = Array.from({ length: one.count }, (_, i) =>
                message(personOf(one.from), personOf(1 - one.from), `${index}-${i}`),
              );
              const rows = await storeMessages(database.db, batch);
              sent.push(...rows.map(({ id }) => ({ id, by: one.from })).sort((x, y) => x.id - y.id));
              continue;
            }
            const end = one.kind === "readAll";
            const target = end ? undefined : sent[one.at];
            const to = target === undefined ? { latestOfPeer: personOf(1 - one.by) } : { messageId: target.id };
            if (!end && target === undefined) continue;
            await advancePositions(database.db, [{ userId: personOf(one.by), to, read: one.kind !== "deliver" }]);
            const seq = end ? sent.length : one.at + 1;
            if (target?.by === one.by) continue;
            if (one.kind !== "deliver") readTo[one.by] = Math.max(readTo[one.by] ?? 0, seq);
            deliveredTo[one.by] = Math.max(deliveredTo[one.by] ?? 0, seq);
          }
          for (const me of [0, 1]) {
            const deps = { store: conversationStore(database.db), views, ...database.reads };
            const { conversations } = await listConversations(deps, callerOf(personOf(me)), {}, database.reads.once());
            const expected = sent.filter(({ by }, i) => by !== me && i + 1 > (readTo[me] ?? 0)).length;
            expect(conversations.reduce((sum, one) => sum + one.unread_count, 0)).toBe(expected);
            const of = [{ userId: personOf(me), sentSeqs: new Map<number, number>() }];
            const pending = await pendingStore(database.db).pending(of, { days: 30, limit: 50 });
            const undelivered = sent.filter(({ by }, i) => by !== me && i + 1 > (deliveredTo[me] ?? 0));
            expect(pending.flatMap((row) => row.messages.map(([id]) => id))).toEqual(undelivered.map(({ id }) => id));
          }
        }),
        { numRuns: 25 },
      );
    });

    test("history pages, sync pages and changes agree with what was sent", async () => {
      const [a = 0, b = 0] = await database.addUsers("pages-a", "pages-b");
      for (let i = 0; i < 6; i++) {
        await storeMessages(
          database.db,
          Array.from({ length: 20 }, (_, k) => message(i % 2 ? a : b, i % 2 ? b : a, `${i}-${k}`)),
        );
        await advancePositions(database.db, [{ userId: a, to: { latestOfPeer: b }, read: true }]);
      }
      const deps = { store: messageStore(database.db), views, ...database.reads };
      const newestFirst: number[] = [];
      for (let cursor = "0"; ;) {
        const query = { recipient_id: String(b), limit: "17", cursor };
        const page = await fetchHistory(deps, callerOf(a), query, database.reads.once());
        newestFirst.push(...page.messages.map(({ seq }) => seq));
        if (page.next_cursor === undefined) break;
        cursor = String(page.next_cursor);
      }
      expect(newestFirst).toEqual(Array.from({ length: 120 }, (_, i) => 120 - i));

      const synced: number[] = [];
      for (let last = 0; ;) {
        const {
          results: [result],
        } = await postSync(deps, callerOf(b), {
          conversations: [{ conversation_id: `user_${a}`, last_message_id: last }],
          limit: 50,
        });
        synced.push(...(result?.messages.map(({ seq }) => seq) ?? []));
        if (!result?.has_more) break;
        last = result.next_cursor ?? 0;
      }
      expect(synced).toEqual(newestFirst.toReversed());

      const changed: number[] = [];
      for (let ver = 0; ;) {
        const query = { conversation_id: `user_${b}`, ver: String(ver), limit: "7" };
        const page = await listMessageChanges(deps, callerOf(a), query);
        changed.push(...page.messages.map(({ seq }) => seq));
        if (page.next_ver === undefined) break;
        ver = page.next_ver;
      }
      expect(changed).toEqual(synced);
    });

    test("a cursor between two messages that is no message of the conversation still splits it there", async () => {
      const [a = 0, b = 0, c = 0] = await database.addUsers("between-a", "between-b", "between-c");
      await storeMessages(database.db, [message(a, b, "1"), message(a, b, "2")]);
      const [foreign] = await storeMessages(database.db, [message(a, c, "3")]);
      await storeMessages(database.db, [message(a, b, "4")]);
      const deps = { store: messageStore(database.db), views, ...database.reads };
      const cursor = String(foreign?.id);
      const page = await fetchHistory(deps, callerOf(b), { recipient_id: String(a), cursor }, database.reads.once());
      expect(page.messages.map(({ client_id }) => client_id)).toEqual(["2", "1"]);
      const {
        results: [result],
      } = await postSync(deps, callerOf(b), {
        conversations: [{ conversation_id: `user_${a}`, last_message_id: foreign?.id ?? 0 }],
        limit: 50,
      });
      expect(result?.messages.map(({ client_id }) => client_id)).toEqual(["4"]);
    });

    test("nobody reads or moves positions in a conversation of others", async () => {
      const [a = 0, b = 0, eve = 0] = await database.addUsers("private-a", "private-b", "private-eve");
      const [row] = await storeMessages(database.db, [message(a, b, "secret")]);
      const deps = { store: messageStore(database.db), views, ...database.reads };
      const forEve = await fetchHistory(deps, callerOf(eve), { recipient_id: String(b) }, database.reads.once());
      expect(forEve.messages).toEqual([]);
      const id = row?.id ?? 0;
      expect(await advancePositions(database.db, [{ userId: eve, to: { messageId: id }, read: true }])).toEqual([]);
      expect(await advancePositions(database.db, [{ userId: a, to: { messageId: id }, read: true }])).toEqual([]);
    });

    test("pending messages come lowest id first over all conversations", async () => {
      const [a = 0, b = 0, c = 0] = await database.addUsers("pending-a", "pending-b", "pending-c");
      for (let i = 0; i < 6; i++) {
        await storeMessages(database.db, [message(i % 2 ? b : c, a, `p${i}`), message(a, b, `mine${i}`)]);
      }
      const deps = { store: pendingStore(database.db), views, days: 30 };
      const none = new Map<number, number>();
      const pages = await fetchPending(
        deps,
        [a, b, c, a].map((userId) => ({ userId, sentSeqs: none })),
      );
      expect(pages.map(({ hasMore }) => hasMore)).toEqual([false, false, false, false]);
      const [all = [], own] = pages.map(({ messages }) => messages);
      expect(all.map(({ frame }) => frame.message.client_id)).toEqual(["p0", "p1", "p2", "p3", "p4", "p5"]);
      expect(own?.map(({ frame }) => frame.message.client_id)).toEqual(Array.from({ length: 6 }, (_, i) => `mine${i}`));
      const sentSeqs = new Map(all.slice(0, 3).map(({ conversationId, frame }) => [conversationId, frame.seq]));
      const of = [
        { userId: b, sentSeqs: new Map([...sentSeqs].map(([id]) => [id, 100])) },
        { userId: a, sentSeqs },
        { userId: a, sentSeqs: none },
      ];
      const names = (await fetchPending(deps, of)).map(({ messages }) =>
        messages.map(({ frame }) => frame.message.client_id),
      );
      expect(names).toEqual([[], ["p3", "p4", "p5"], ["p0", "p1", "p2", "p3", "p4", "p5"]]);
    });
  },
  { minimum: true },
);

describeDatabases(
  "resume cursor",
  (database) => {
    test("says reset for a cursor of another time line or from the future, and gives everything", async () => {
      const [a = 0, b = 0] = await database.addUsers("reset-a", "reset-b");
      await storeMessages(database.db, [message(a, b, "1")]);
      const deps = { store: conversationStore(database.db), views };
      for (const cursor of [
        `${"0".repeat(32)}.1`,
        `${(await listChanges(deps, callerOf(b), {})).cursor.slice(0, 33)}999999999`,
      ]) {
        const answer = await listChanges(deps, callerOf(b), { cursor });
        expect(answer).toMatchObject({ reset: true, conversations: [{ conversation_id: `user_${a}` }] });
      }
      await expect(listChanges(deps, callerOf(b), { cursor: "nonsense" })).rejects.toThrow("Invalid cursor");
    });
  },
  { minimum: true },
);
