import { expect, test, vi } from "vitest";
import { describeDatabases, type TestDatabase } from "../../tests/fixtures/databases.ts";
import type { Push, SessionEnd } from "../delivery/push.ts";
import { listReaders } from "../messages/list-readers.ts";
import { storeMessages } from "../messages/message-store.ts";
import { readersCache } from "../messages/readers-cache.ts";
import { readerStore } from "../messages/reader-store.ts";
import { createReadGathering } from "./gather-reads.ts";
import { positionPushes } from "./position-pushes.ts";
import { advancePositions } from "./position-store.ts";

const groupOf = `with made as (insert into groups (name, creator_id) values ('many', ($1::bigint[])[1]) returning id),
   head as (insert into conversations (group_id) select id from made returning id, group_id),
   part as (insert into participants (user_id, conversation_id) select u, h.id from head h, unnest($1::bigint[]) u)
   select group_id as id from head`;

/** A new group of these users. */
async function addGroup({ db }: TestDatabase, members: number[]): Promise<number> {
  const text = { name: "", text: groupOf };
  const [group] = await db.transaction((queries) => queries.query<{ id: number }>(text, [members]), { marked: true });
  // As PostgreSQL does by itself after a while.
  await db.query({ name: "", text: "analyze" }, []);
  return group?.id ?? 0;
}

describeDatabases("reads of a large group", (database) => {
  test("10,000 members read: each is told at most once a second, who has read is exact, and both together are below 1 kB a second", async () => {
    const members = await database.addUsers(...Array.from({ length: 10_000 }, (_, i) => `many_${i}`));
    const [author = 0, ...others] = members;
    const groupId = await addGroup(database, members);
    const ids: number[] = [];
    for (const clientId of ["one", "two"]) {
      const draft = { senderId: author, to: { groupId }, clientId, content: "to all", messageType: "text" as const };
      ids.push((await storeMessages(database.db, [{ ...draft, replyToId: undefined }]))[0]?.id ?? 0);
    }
    const [first = 0, last = 0] = ids;
    const pushed: Push[] = [];
    const bus = { publish: (events: readonly (Push | SessionEnd)[]) => void pushed.push(...(events as Push[])) };
    const failures: unknown[] = [];
    const reads = createReadGathering({ db: database.db, bus, failure: (error) => void failures.push(error) });
    const store = readerStore(database.db);
    const readers = readersCache({ redis: undefined, store });
    const ask = (id: number, cursor = 0) =>
      listReaders(
        { store, readers },
        { userId: author, email: "", role: "user" },
        { id: String(id), query: { cursor: String(cursor) } },
      );
    const forAuthor = () => pushed.filter(({ userIds }) => userIds.includes(author));

    const began = performance.now();
    const answers: unknown[] = [];
    let tenth = 0;
    // Every tenth reads the last message as well.
    for (let from = 0; from < others.length; from += 128) {
      const part = others.slice(from, from + 128);
      const update = (userId: number, messageId: number) => ({ userId, to: { messageId, groupId }, read: true });
      const moved = [
        ...(await advancePositions(
          database.db,
          part.map((userId) => update(userId, first)),
        )),
        ...(await advancePositions(
          database.db,
          part.filter((_, at) => at % 10 === 0).map((userId) => update(userId, last)),
        )),
      ];
      tenth += Math.ceil(part.length / 10);
      // A reader's own devices are told at once.
      bus.publish(moved.flatMap(positionPushes));
      reads.add(moved);
      // Whoever looks at a message's readers asks when told that somebody has read.
      while (answers.length < forAuthor().length) answers.push(await ask(first));
    }
    await reads.flush();
    const seconds = (performance.now() - began) / 1_000;
    answers.push(await ask(first));

    expect(failures).toEqual([]);
    expect(forAuthor().length).toBeGreaterThan(0);
    expect(forAuthor().length).toBeLessThanOrEqual(seconds + 1);
    const frameBytes = forAuthor().map(({ frame }) => frame.bytes(false).length);
    expect(Math.max(...frameBytes) + Math.max(...answers.map((answer) => JSON.stringify(answer).length))).toBeLessThan(
      1_000,
    );
    expect(JSON.parse(forAuthor().at(-1)?.frame.text ?? "")).toMatchObject({
      type: "group_read_update",
      group_id: groupId,
      last_read_message_id: last,
    });

    const everybody = others.toSorted((a, b) => a - b);
    const listed: number[] = [];
    for (let cursor: number | undefined = 0; cursor !== undefined;) {
      const page = await ask(first, cursor);
      listed.push(...page.readers);
      cursor = page.next_cursor;
    }
    expect(listed).toEqual(everybody);
    expect([(await ask(first)).read_count, (await ask(last)).read_count]).toEqual([9_999, tenth]);
  }, 120_000);

  test("nobody is told of one with whom there is a block, but of the next; the furthest counts, whoever came last", async () => {
    const members = await database.addUsers(...Array.from({ length: 101 }, (_, i) => `block_${i}`));
    const [author = 0, far = 0, near = 0, foe = 0] = members;
    await database.rows("insert into blocks (blocker_id, blocked_id) values ($1, $2)", [far, foe]);
    const groupId = await addGroup(database, members);
    const ids: number[] = [];
    for (const clientId of ["b1", "b2"]) {
      const draft = { senderId: author, to: { groupId }, clientId, content: "x", messageType: "text" as const };
      ids.push((await storeMessages(database.db, [{ ...draft, replyToId: undefined }]))[0]?.id ?? 0);
    }
    const publish = vi.fn<(events: readonly (Push | SessionEnd)[]) => void>();
    const reads = createReadGathering({ db: database.db, bus: { publish }, failure: () => expect.unreachable() });
    const read = (userId: number, messageId = 0) => ({ userId, to: { messageId, groupId }, read: true });
    reads.add(await advancePositions(database.db, [read(far, ids[1])]));
    reads.add(await advancePositions(database.db, [read(near, ids[0])]));
    await reads.flush();
    const told = publish.mock.calls.flatMap(([events]) => events as Push[]);
    const by = (userId: number) =>
      told
        .filter(({ userIds }) => userIds.includes(userId))
        .map(({ frame }) => (JSON.parse(frame.text) as { user_id: number }).user_id);
    expect([by(author), by(foe), by(near), by(far)]).toEqual([[far], [near], [far], [near]]);
    expect(publish).toHaveBeenCalledTimes(1);
  });
});
