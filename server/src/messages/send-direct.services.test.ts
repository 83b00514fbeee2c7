import fc from "fast-check";
import { expect, test } from "vitest";
import { advancePositions } from "../conversations/position-store.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { describeDatabases } from "../../tests/fixtures/databases.ts";
import { storeMessages, type NewMessage, type StoredRow } from "./message-store.ts";

const nobody = 999_999;

describeDatabases(
  "one direct message",
  (database) => {
    const names: string[] = [];
    const db: Queries = {
      query(statement, values) {
        names.push(statement.name);
        return database.db.query(statement, values);
      },
    };

    /** As database and answers show what two people did, without what differs between one pair and another. */
    async function stateOf([a = 0, b = 0]: readonly number[]): Promise<unknown> {
      const pair = [Math.min(a, b), Math.max(a, b)];
      const seqOf = "(select k.seq from messages k where k.id = nullif(t.last_visible_id, 0))";
      const conversation = "select id from conversations where lo = $1 and hi = $2";
      return Promise.all([
        database.rows(
          `select c.ver, c.seq, m.seq as last, m.created_at = c.last_message_at as same_time, c.changed_xid = m.xmin::text::xid8 as same_change
           from conversations c left join messages m on m.id = c.last_message_id where c.lo = $1 and c.hi = $2`,
          pair,
        ),
        database.rows(
          `select m.seq, m.ver, m.first_ver, m.sender_id - $1 as sender, m.client_id, m.message_type, m.content, m.hidden, m.version
           from messages m where m.conversation_id = (${conversation}) order by m.seq`,
          pair,
        ),
        database.rows(
          `select t.user_id - $1 as who, t.sent, t.sent_at_read, t.read_seq, t.delivered_seq, t.skipped, t.last_visible_id = 0 as nothing,
             ${seqOf} as visible, t.last_visible_at is null as newest
           from participants t where t.conversation_id = (${conversation}) order by t.user_id`,
          pair,
        ),
        database.rows("select list_ver from user_state where user_id in ($1, $2) order by user_id", pair),
        database.rows("select ver from users where id in ($1, $2) order by id", pair),
        database.rows(
          `select replace(replace(d.key, ':' || $1::bigint, ':lo'), ':' || $2::bigint, ':hi') as key, max(d.ver) as ver from cache_dirty d
           where d.key ~ ('^(conv|unread|convlist|profile):(' || $1::bigint || '|' || $2::bigint || ')(:|$)') group by 1 order by 1`,
          pair,
        ),
      ]);
    }

    const answer = (row: StoredRow | undefined, base: number) =>
      row && {
        ...row,
        id: typeof row.id,
        conversation_id: typeof row.conversation_id,
        created_at: row.created_at.slice(-1),
        recipient_id: (row.recipient_id ?? 0) - base,
        apart: row.apart.map((userId) => userId - base),
        sender: { ...row.sender, id: row.sender.id - base, username: "" },
      };

    test("is stored and answered as in a batch of several, whatever was before", async () => {
      await database.rows("update cache_control set mode = 'on', epoch = 7, pg_run = postgres_run()");
      // With no node that reaches Redis the cache would be turned off after some seconds, and nothing noted any more.
      await database.rows(
        "insert into cache_nodes (node_id, heartbeat_at, redis_ok) values ('other', 'infinity', true)",
      );
      const step = fc.oneof(
        { weight: 6, arbitrary: fc.record({ kind: fc.constant("send" as const), by: fc.nat(1), id: fc.nat(12) }) },
        fc.record({ kind: fc.constant("self" as const), by: fc.nat(1), id: fc.nat(12) }),
        fc.record({ kind: fc.constant("block" as const), by: fc.nat(1), on: fc.boolean() }),
        fc.record({ kind: fc.constant("read" as const), by: fc.nat(1) }),
        fc.record({ kind: fc.constant("close" as const), by: fc.nat(1), on: fc.boolean() }),
      );
      const sent = (id: number) => ({ kind: "send" as const, by: 0, id });
      // The recipient sees the last message again after one that was hidden from that person.
      const afterHidden = [
        sent(1),
        { kind: "block" as const, by: 1, on: true },
        sent(2),
        { kind: "block" as const, by: 1, on: false },
        sent(3),
      ];
      const byClosed = [sent(1), { kind: "close" as const, by: 0, on: true }, sent(2), sent(1)];
      let round = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { minLength: 1, maxLength: 16 }),
          fc.constantFrom(null, 7, 8),
          async (steps, epoch) => {
            round += 1;
            const pairs: number[][] = [];
            for (const pair of ["one", "two"])
              pairs.push(await database.addUsers(`direct-${round}-${pair}-a`, `direct-${round}-${pair}-b`));
            for (const one of steps) {
              const answers = [];
              for (const [which, pair] of pairs.entries()) {
                const [me = 0, peer = 0] = one.by === 0 ? pair : pair.toReversed();
                if (one.kind === "read")
                  await advancePositions(db, [{ userId: me, to: { latestOfPeer: peer }, read: true }], epoch);
                else if (one.kind === "close")
                  await database.rows("update users set deleted_at = case when $2 then now() end where id = $1", [
                    me,
                    one.on,
                  ]);
                else if (one.kind === "block")
                  await database.rows(
                    one.on
                      ? "insert into blocks (blocker_id, blocked_id) values ($1, $2) on conflict do nothing"
                      : "delete from blocks where blocker_id = $1 and blocked_id = $2",
                    [me, peer],
                  );
                else {
                  const draft: NewMessage = {
                    senderId: me,
                    to: { recipientId: one.kind === "self" ? me : peer },
                    clientId: `${one.kind} ${one.id}`,
                    messageType: "text",
                    content: "hello",
                    replyToId: undefined,
                  };
                  // Nobody disturbs nobody, but makes it a batch.
                  const batch =
                    which === 0 ? [draft] : [draft, { ...draft, to: { recipientId: nobody }, clientId: "to nobody" }];
                  const [row] = await storeMessages(db, batch, epoch);
                  answers.push(answer(row, Math.min(me, peer)));
                }
              }
              expect(answers[0]).toEqual(answers[1]);
            }
            const [first, second] = await Promise.all(pairs.map(stateOf));
            expect(first).toEqual(second);
          },
        ),
        {
          numRuns: 40,
          examples: [
            [afterHidden, null],
            [byClosed, null],
          ],
        },
      );
      // Both ways were gone.
      expect(names.filter((name) => name === "messages.send_direct").length).toBeGreaterThan(40);
    });
  },
  { minimum: true },
);
