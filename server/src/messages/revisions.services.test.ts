import fc from "fast-check";
import { expect, test } from "vitest";
import { blockStore } from "../accounts/block-store.ts";
import { createUserViews } from "../accounts/user-view.ts";
import { directRef, type ConversationRef } from "../conversations/conversation-ref.ts";
import { conversationStore } from "../conversations/conversation-store.ts";
import { toConversation, toMessages } from "../conversations/conversation-view.ts";
import { advancePositions } from "../conversations/position-store.ts";
import { describeDatabases, type TestDatabase } from "../../tests/fixtures/databases.ts";
import { revisionStore } from "./revision-store.ts";
import { messageStore, storeMessages, type NewMessage } from "./message-store.ts";
import { pendingStore } from "./pending-store.ts";
import { presenceSource } from "../../tests/fixtures/presence-source.ts";

const views = createUserViews({ exposeEmails: false, presence: presenceSource(async () => () => true) });

/** What a conversation is, told in the simplest way: everything is kept, and every view is a filter over it. */
interface Model {
  messages: {
    id: number;
    by: number;
    content: string;
    deleted: boolean;
    hidden: boolean;
    version: number;
    reply: number | undefined;
  }[];
  people: { read: number; delivered: number; cleared: number }[];
  /** blocked[a][b]: a has blocked b. */
  blocked: boolean[][];
  /** Of each, how far the other, who is blocked, knows them to be. */
  frozen: { read: number; delivered: number }[];
  /** Deleted for everybody up to. */
  forgotten: number;
}

const person = fc.nat({ max: 1 });
const operation = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("send" as const), by: person, reply: fc.option(fc.nat({ max: 9 })) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("batch" as const), by: fc.array(person, { minLength: 2, maxLength: 4 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("read" as const), by: person, at: fc.nat({ max: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("readAll" as const), by: person }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("delete" as const), by: person, at: fc.nat({ max: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("edit" as const), by: person, at: fc.nat({ max: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("clear" as const), by: person, everyone: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("block" as const), by: person, on: fc.boolean() }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

const seen = (model: Model, viewer: number) =>
  model.messages.filter(
    ({ by, deleted, hidden }, i) =>
      !deleted && !(hidden && by !== viewer) && i + 1 > (model.people[viewer]?.cleared ?? 0),
  );

/** Carries out one operation on the database and on the model. */
async function apply(database: TestDatabase, model: Model, ids: [number, number], one: Operation): Promise<void> {
  const { db } = database;
  const userOf = (i: number): number => ids[i === 0 ? 0 : 1];
  const part = (i: number): Model["people"][number] => model.people[i] ?? { read: 0, delivered: 0, cleared: 0 };
  const at = "at" in one && model.messages.length > 0 ? one.at % model.messages.length : -1;
  const target = model.messages[at];
  const draft = (by: number, i: number, reply: number | undefined): NewMessage => ({
    senderId: userOf(by),
    to: { recipientId: userOf(1 - by) },
    clientId: `${model.messages.length}-${i}`,
    messageType: "text",
    content: `text ${model.messages.length + i}`,
    replyToId: reply,
  });
  if (one.kind === "send" || one.kind === "batch") {
    const wanted =
      one.kind === "send" && one.reply !== null ? model.messages[one.reply % (model.messages.length || 1)] : undefined;
    const senders = one.kind === "send" ? [one.by] : one.by;
    const batch = senders.map((by, i) => draft(by, i, wanted?.id));
    const rows = await storeMessages(db, batch);
    for (const row of rows.toSorted((a, b) => a.ord - b.ord)) {
      const by = senders[row.ord - 1] ?? 0;
      const hidden = model.blocked[1 - by]?.[by] === true;
      expect([row.outcome, row.hidden, row.seq]).toEqual(["stored", hidden, model.messages.length + 1]);
      const isForgotten = wanted !== undefined && model.messages.indexOf(wanted) < model.forgotten;
      const canReply = wanted !== undefined && !isForgotten && !wanted.deleted && !(wanted.hidden && wanted.by !== by);
      const content = batch[row.ord - 1]?.content ?? "";
      model.messages.push({
        id: row.id,
        by,
        content,
        deleted: false,
        hidden,
        version: 1,
        reply: canReply ? wanted.id : undefined,
      });
      const own = part(by);
      if (own.delivered === model.messages.length - 1) own.delivered += 1;
    }
  } else if (one.kind === "read" && target !== undefined) {
    await advancePositions(db, [{ userId: userOf(one.by), to: { messageId: target.id }, read: true }]);
    if (target.by === one.by || target.hidden) return;
    part(one.by).read = Math.max(part(one.by).read, at + 1);
    part(one.by).delivered = Math.max(part(one.by).delivered, at + 1);
  } else if (one.kind === "readAll") {
    await advancePositions(db, [{ userId: userOf(one.by), to: { latestOfPeer: userOf(1 - one.by) }, read: true }]);
    Object.assign(part(one.by), { read: model.messages.length, delivered: model.messages.length });
  } else if ((one.kind === "delete" || one.kind === "edit") && target !== undefined) {
    const revisions = revisionStore(database.writes, database.reads.posts);
    const visible = seen(model, one.by).includes(target);
    const silenced = !target.hidden && model.blocked[1 - one.by]?.[one.by] === true;
    const expected = !visible ? "unknown" : target.by === one.by && !silenced ? "done" : "forbidden";
    const content = one.kind === "delete" ? null : `${target.content}!`;
    const { outcome } = await revisions.change({
      userId: userOf(one.by),
      messageId: target.id,
      content,
      media: null,
    });
    expect(outcome).toBe(expected);
    if (outcome !== "done") return;
    if (one.kind === "delete") target.deleted = true;
    else Object.assign(target, { content: `${target.content}!`, version: target.version + 1 });
  } else if (one.kind === "clear") {
    const known = await conversationStore(db).participant(directRef(...ids), userOf(one.by));
    if (known === undefined) return;
    await revisionStore(database.writes, database.reads.posts).clear(
      userOf(one.by),
      known.conversation_id,
      one.everyone,
    );
    const end = model.messages.length;
    const everyone = one.everyone && model.blocked[1 - one.by]?.[one.by] !== true;
    if (everyone) model.forgotten = end;
    for (const i of everyone ? [0, 1] : [one.by]) Object.assign(part(i), { read: end, delivered: end, cleared: end });
  } else if (one.kind === "block") {
    const blocks = blockStore(db, database.writes);
    if (one.on && model.blocked[one.by]?.[1 - one.by] !== true) model.frozen[one.by] = { ...part(one.by) };
    if (one.on) await blocks.add(userOf(one.by), userOf(1 - one.by), 10);
    else await blocks.remove(userOf(one.by), userOf(1 - one.by));
    (model.blocked[one.by] ?? [])[1 - one.by] = one.on;
  }
}

/** Holds every read of one viewer against the model. */
async function check(database: TestDatabase, model: Model, ids: [number, number], viewer: 0 | 1): Promise<void> {
  const { db } = database;
  const [me, ref]: [number, ConversationRef] = [ids[viewer], directRef(...ids)];
  const part = model.people[viewer] ?? { read: 0, delivered: 0, cleared: 0 };
  const expected = seen(model, viewer);
  const store = messageStore(db);
  const row = await store.history(ref, me, { before: 0, limit: 100 });
  const shown = row === undefined ? [] : toMessages(row, me, views, () => true);
  const brief = (list: typeof shown) =>
    list.map(({ id, content, version, reply_to_id: reply }) => [id, content, version, reply]);
  expect(brief(shown.toReversed())).toEqual(
    expected.map(({ id, content, version, reply }) => [id, content, version, reply]),
  );
  for (const message of shown) {
    const replied = expected.find(({ id }) => id === message.reply_to_id);
    expect(message.reply_to?.content).toBe(replied?.content);
    const hidden = model.messages.find(({ id }) => id === message.id)?.hidden === true;
    const other = message.sender_id === ids[0] ? 1 : 0;
    const isFrozen = other !== viewer && model.blocked[other]?.[viewer] === true;
    const until = (at: "read" | "delivered"): number =>
      Math.min(model.people[other]?.[at] ?? 0, isFrozen ? (model.frozen[other]?.[at] ?? 0) : Number.POSITIVE_INFINITY);
    const read = !hidden && message.seq <= until("read");
    const delivered = !hidden && message.seq <= until("delivered");
    expect(message.status).toBe(read ? "read" : delivered ? "delivered" : "sent");
  }

  const head = (await conversationStore(db).list(me, undefined, 10)).map((one) =>
    toConversation(one, me, views, () => true),
  );
  const last = expected.at(-1);
  expect(head.map((one) => one.last_message?.id)).toEqual(last === undefined ? [] : [last.id]);
  const all = (await conversationStore(db).changed(me, { since: undefined, after: 0, limit: 10 })).map((one) =>
    toConversation(one, me, views, () => true),
  );
  const unread = model.messages.filter(
    ({ by, deleted, hidden }, i) => by !== viewer && !deleted && !hidden && i + 1 > part.read,
  ).length;
  if (model.messages.length > 0)
    expect(all.map((one) => [one.unread_count, one.seq])).toEqual([[unread, model.messages.length]]);
  const waiting = await pendingStore(db).pending([{ userId: me, sentSeqs: new Map() }], { days: 30, limit: 50 });
  const undelivered = model.messages.filter(
    ({ by, deleted, hidden }, i) =>
      by !== viewer && !deleted && !hidden && i + 1 > Math.max(part.delivered, part.cleared),
  );
  expect(waiting.flatMap((one) => one.messages.map(([id]) => id))).toEqual(undelivered.map(({ id }) => id));
  const changes = await store.changedSince(ref, me, { ver: 0, limit: 100 });
  expect((changes?.messages ?? []).map(([id]) => id).toSorted((a, b) => a - b)).toEqual(expected.map(({ id }) => id));
  const gone = model.messages.filter(
    ({ deleted, hidden, by }, i) => deleted && !(hidden && by !== viewer) && i + 1 > part.cleared,
  );
  expect((changes?.deleted ?? []).map(({ id }) => id).toSorted((a, b) => a - b)).toEqual(gone.map(({ id }) => id));
}

/** The last message that a blocker sees is deleted while later ones are hidden. */
const tailDeleted: Operation[] = [
  { kind: "send", by: 0, reply: null },
  { kind: "send", by: 1, reply: null },
  { kind: "block", by: 0, on: true },
  { kind: "send", by: 1, reply: null },
  { kind: "delete", by: 1, at: 1 },
];

/** The last message is deleted, and the one before it is hidden from the blocker. */
const hiddenComesUp: Operation[] = [
  { kind: "send", by: 0, reply: null },
  { kind: "block", by: 0, on: true },
  { kind: "send", by: 1, reply: null },
  { kind: "send", by: 0, reply: null },
  { kind: "delete", by: 0, at: 2 },
];

describeDatabases("the life of messages", (database) => {
  test("whatever is sent, read, edited, deleted, cleared and blocked, in any order: every view is exact", async () => {
    let round = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 20 }), async (operations) => {
        round += 1;
        const [a = 0, b = 0] = await database.addUsers(`life-a${round}`, `life-b${round}`);
        const ids: [number, number] = [a, b];
        const people = [0, 1].map(() => ({ read: 0, delivered: 0, cleared: 0 }));
        const model: Model = { messages: [], people, blocked: [[], []], frozen: [], forgotten: 0 };
        for (const one of operations) {
          await apply(database, model, ids, one);
          await check(database, model, ids, 0);
          await check(database, model, ids, 1);
        }
      }),
      { numRuns: 40, examples: [[tailDeleted], [hiddenComesUp]] },
    );
  });
});
