import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { MessageTuple } from "../conversations/conversation-row.ts";
import { foldHistory, headRecord, messageRecord, pageOf, type History, type Position } from "./history.ts";

const [alice, bob] = [1, 2];
const positions: Position[] = [
  [alice, 2, 3, 0],
  [bob, 1, 2, 0],
];
const head = ["h", "h2", 7, alice, bob, null, 3, 0, 1, positions];

/** A message whose id is ten times its seq. */
function message(seq: number, rest: { by?: number; hidden?: boolean; reply?: MessageTuple; ver?: number } = {}) {
  const { by = alice, hidden = false, reply, ver = seq } = rest;
  const tuple: MessageTuple = [
    seq * 10,
    seq,
    ver,
    by,
    `c${seq}`,
    "text",
    `text ${seq}`,
    1,
    "2026-01-02T03:04:05.678901Z",
    hidden,
    reply?.[0] ?? null,
    reply ?? null,
    null,
  ];
  return tuple;
}

const record = (tuple: MessageTuple): unknown[] => ["m", ...tuple];

function fold(...records: unknown[]): History {
  const history = foldHistory([head, ...records], 9);
  if (history === undefined) throw new Error("these records make no history");
  return history;
}

describe("a history is what its records make, in their order", () => {
  const first = message(1);
  const second = message(2, { by: bob, reply: first });

  test("the head tells the conversation, and the entry's header its version", () => {
    expect(fold()).toEqual({
      conversation_id: 7,
      lo: alice,
      hi: bob,
      group_id: null,
      ver: 9,
      seq: 3,
      cleared_seq: 0,
      from: 1,
      positions,
      messages: [],
    });
  });

  test("m appends a message and moves the end", () => {
    expect(fold(record(first), record(message(5)))).toMatchObject({ seq: 5, messages: [first, message(5)] });
    expect(fold(record(first)).seq).toBe(3);
  });

  test("e changes a message and every copy of it in a reply, and nothing else of them", () => {
    const edited = fold(record(first), record(second), ["e", 10, 8, "new", 2, "image"]);
    const changed = first.with(2, 8).with(5, "image").with(6, "new").with(7, 2) as MessageTuple;
    expect(edited.messages).toEqual([changed, second.with(11, changed)]);
  });

  test("e of a message that is too old to be here still changes what replies to it", () => {
    expect(fold(record(second), ["e", 10, 8, "new", 2, "text"]).messages[0]?.[11]?.[6]).toBe("new");
  });

  test("e does not bring a reply back that is not shown", () => {
    const gone = fold(record(first), record(second), ["d", 10, 4], ["e", 10, 8, "new", 2, "text"]);
    expect(gone.messages).toEqual([second.with(11, null)]);
  });

  test("d removes a message, and what replies to it only says that it did", () => {
    const deleted = fold(record(first), record(second), ["d", 10, 4]);
    expect(deleted.messages).toEqual([second.with(11, null)]);
    expect(deleted.messages[0]?.[10]).toBe(10);
    expect(fold(record(first), ["d", 990, 4]).messages).toEqual([first]);
  });

  test("p moves one person's positions; null leaves one as it was", () => {
    const moved = fold(["p", bob, 3, null], ["p", alice, null, 9], ["p", 99, 1, 1]);
    expect(moved.positions).toEqual([
      [alice, 2, 9, 0],
      [bob, 3, 2, 0],
    ]);
  });

  test("no records at version 0: there is no such conversation", () => {
    expect(foldHistory([], 0)).toMatchObject({ conversation_id: 0, ver: 0, messages: [] });
  });

  test("what it writes it reads back", () => {
    const history = fold(record(first), record(second));
    expect(foldHistory([headRecord(history), ...history.messages.map(messageRecord)], 9)).toEqual(history);
  });
});

describe("records of another shape make no history", () => {
  const later = ["m", ...message(1)];
  test.each<[string, unknown[], number]>([
    ["none at another version than 0", [], 3],
    ["no head", [later], 1],
    ["a head of another shape", [["h", "h0", ...head.slice(2)], later], 1],
    ["a head that is none", ["h", later], 1],
    ["a kind that is not known", [head, ["x", 1]], 1],
    ["no array", [head, 5], 1],
    ["a map", [head, { id: 1, content: "of another server" }], 1],
    ["null", [head, null], 1],
    ["nothing in it", [head, []], 1],
    ["a message with a cell too few", [head, later.slice(0, -1)], 1],
    ["a message with a cell too many", [head, [...later, 1]], 1],
    ["an edit with a cell too few", [head, later, ["e", 10, 8, "new", 2]], 1],
    ["a position with a cell too few", [head, ["p", 1, 2]], 1],
    ["a second head", [head, head], 1],
  ])("%s", (_, records, ver) => {
    expect(foldHistory(records, ver)).toBeUndefined();
  });

  test("any JSON at all is a history or none, and never an error", () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue(), { maxLength: 4 }), fc.boolean(), (values, withHead) => {
        const records = withHead ? [head, ...values] : values;
        expect([undefined, "object"]).toContain(foldHistory(records, 1) === undefined ? undefined : "object");
      }),
    );
  });
});

/** All messages of a conversation, as if nothing had ever been left out. */
const conversation = fc
  .array(
    fc.record({
      by: fc.constantFrom(alice, bob),
      hidden: fc.boolean(),
      deleted: fc.boolean(),
      reply: fc.option(fc.nat(), { nil: undefined }),
    }),
    { maxLength: 12 },
  )
  .map((drafts) => {
    const all: MessageTuple[] = [];
    for (const [index, { by, hidden, reply }] of drafts.entries()) {
      const target = reply === undefined ? undefined : all[reply % (all.length || 1)];
      const copy = target === undefined ? undefined : (target.with(10, null).with(11, null) as MessageTuple);
      all.push(message(index + 1, { by, hidden, ...(copy === undefined ? {} : { reply: copy }) }));
    }
    const gone = new Set(all.filter((_, index) => drafts[index]?.deleted === true).map(([id]) => id));
    const messages = all
      .filter(([id]) => !gone.has(id))
      .map((tuple) => (gone.has(tuple[10] ?? 0) ? (tuple.with(11, null) as MessageTuple) : tuple));
    return { seq: all.length, messages };
  });

const whole = (seq: number, messages: MessageTuple[]): History => ({
  ...fold(),
  seq,
  messages,
});

test("a page is what a plain filter over everything gives, or it is not told", () => {
  const page = fc.record({
    viewer: fc.constantFrom(alice, bob),
    own: fc.nat({ max: 13 }),
    everybody: fc.nat({ max: 13 }),
    from: fc.integer({ min: 1, max: 13 }),
    limit: fc.integer({ min: 1, max: 14 }),
  });
  fc.assert(
    fc.property(conversation, page, ({ seq, messages }, { viewer, own, everybody, from, limit }) => {
      const cleared = Math.max(own, everybody);
      const seen = (tuple: MessageTuple): boolean => tuple[1] > cleared && !(tuple[9] && tuple[3] !== viewer);
      const expected = messages
        .filter(seen)
        .toSorted((a, b) => b[1] - a[1])
        .slice(0, limit)
        .map((tuple) => (tuple[11] !== null && !seen(tuple[11]) ? (tuple.with(11, null) as MessageTuple) : tuple));
      const kept = { ...whole(seq, messages), cleared_seq: everybody, from };
      kept.messages = messages.filter(([, at]) => at >= from);
      const shown = pageOf(kept, { userId: viewer, clearedSeq: own }, limit);
      const isTold = expected.filter(([, at]) => at >= from).length === limit || from <= cleared + 1;
      expect(shown?.messages).toEqual(isTold ? expected : undefined);
    }),
    { numRuns: 2_000 },
  );
});

test("a page leaves the history as it was, which others read as well", () => {
  const hidden = message(2, { by: bob, hidden: true });
  const history = whole(3, [message(1), hidden, message(3, { by: bob, reply: hidden })]);
  const before = structuredClone(history);
  const shown = pageOf(history, { userId: alice, clearedSeq: 0 }, 10);
  expect(shown?.messages.map((tuple) => [tuple[1], tuple[11]])).toEqual([
    [3, null],
    [1, null],
  ]);
  expect(history).toEqual(before);
});

describe("positions of a page", () => {
  const shown = (history: History) => pageOf(history, { userId: alice, clearedSeq: 0 }, 10);

  test("of two people, the lower id first", () => {
    const told = { lo_read: 2, lo_delivered: 3, hi_read: 1, hi_delivered: 2 };
    expect(shown(whole(3, []))).toMatchObject(told);
  });

  test("of somebody's notes to oneself both are the same", () => {
    const told = { lo_read: 2, lo_delivered: 3, hi_read: 2, hi_delivered: 3 };
    expect(shown({ ...whole(3, []), hi: alice, positions: positions.slice(0, 1) })).toMatchObject(told);
  });

  test("a group has none", () => {
    const told = { lo_read: null, lo_delivered: null, hi_read: null, hi_delivered: null, group_id: 4 };
    expect(shown({ ...whole(3, []), lo: null, hi: null, group_id: 4, positions: [] })).toMatchObject(told);
  });
});
