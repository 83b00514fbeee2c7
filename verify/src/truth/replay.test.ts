import { expect, test } from "vitest";
import type { ObjectHistory } from "../checks/object-history.ts";
import { historyText, type RenderedMessage } from "../history/shapes.ts";
import { internTexts } from "../history/interned-texts.ts";
import type { LogRow } from "./log.ts";
import { replay, textAt } from "./replay.ts";

/** Rows of PostgreSQL's account; each inner array is one transaction. */
function logOf(txns: readonly (readonly [what: string, row: Record<string, unknown>][])[]): LogRow[] {
  let id = 0;
  return txns.flatMap((rows, txn) => rows.map(([what, row]) => ({ id: ++id, at: txn * 10, txn: txn + 1, what, row })));
}

const head = (ver: number, seq: number, last: number | null): [string, Record<string, unknown>] => [
  "conversations",
  {
    id: 5,
    lo: 1,
    hi: 2,
    group_id: null,
    ver,
    seq,
    last_message_id: last,
    last_message_at: "2026-01-01T00:00:00+00:00",
  },
];
const part = (user: number, more: Record<string, unknown> = {}): [string, Record<string, unknown>] => [
  "participants",
  {
    user_id: user,
    conversation_id: 5,
    read_seq: 0,
    delivered_seq: 0,
    cleared_seq: 0,
    sent: 0,
    sent_at_read: 0,
    ...more,
  },
];
const message = (seq: number, more: Record<string, unknown> = {}): [string, Record<string, unknown>] => [
  "messages",
  {
    id: 100 + seq,
    conversation_id: 5,
    seq,
    ver: seq,
    sender_id: 1,
    message_type: "text",
    content: `text ${seq}`,
    version: 1,
    reply_to_id: null,
    hidden: false,
    deleted_at: null,
    ...more,
  },
];
const shown = (seq: number, more: Partial<RenderedMessage> = {}): RenderedMessage => ({
  id: 100 + seq,
  seq,
  ver: seq,
  version: 1,
  status: "sent",
  sender_id: 1,
  message_type: "text",
  content: `text ${seq}`,
  ...more,
});

const began = [head(0, 0, null), part(1), part(2)];
const twoSent = [
  [...began, message(1), head(1, 1, 101), part(1, { sent: 1 })],
  [message(2), head(2, 2, 102), part(1, { sent: 2 })],
];

/** The spans of the states of an object in which each of the texts shows in a view. */
function spansOf(log: LogRow[], view: string, wanted: readonly string[], object = "conv:1:2"): unknown[] {
  const texts = internTexts();
  const numbers = wanted.map((text) => texts.add(text));
  const { objects } = replay(log, { wanted: new Map([[object, new Set([view])]]), texts, hiding: new Set() });
  const history: ObjectHistory | undefined = objects.get(object);
  return numbers.map((number) => history?.shown.get(view)?.get(number));
}

test("messages show from their transaction on, newest first, as far as the page goes", () => {
  const log = logOf(twoSent);
  const pages = ["", historyText([shown(1)]), historyText([shown(2), shown(1)])];
  expect(spansOf(log, "history/2/20", pages)).toEqual([[[0, 0]], [[1, 1]], [[2, 2]]]);
  expect(spansOf(log, "history/2/1", [historyText([shown(2)])])).toEqual([[[2, 2]]]);
});

test("positions, edits and deletes change what shows, and what does not show extends the span", () => {
  const log = logOf([
    ...twoSent,
    [part(2, { read_seq: 1, delivered_seq: 2 }), head(3, 2, 102)],
    [message(1, { ver: 4, content: "new", version: 2 }), head(4, 2, 102)],
    [message(2, { ver: 5, content: "", deleted_at: "2026-01-01T00:00:00+00:00" }), head(5, 2, 101)],
    [part(1, { read_seq: 2 }), head(6, 2, 101)],
  ]);
  const states = [
    historyText([shown(2, { status: "delivered" }), shown(1, { status: "read" })]),
    historyText([shown(2, { status: "delivered" }), shown(1, { status: "read", ver: 4, version: 2, content: "new" })]),
    historyText([shown(1, { status: "read", ver: 4, version: 2, content: "new" })]),
  ];
  expect(spansOf(log, "history/1/20", states)).toEqual([[[3, 3]], [[4, 4]], [[5, 6]]]);
});

test("hidden messages show to their sender only, cleared ones not to who cleared", () => {
  const log = logOf([...twoSent, [message(3, { hidden: true }), head(3, 3, 103)], [part(1, { cleared_seq: 2 })]]);
  expect(spansOf(log, "history/2/20", [historyText([shown(2), shown(1)])])).toEqual([[[2, 3]]]);
  expect(spansOf(log, "history/1/20", [historyText([shown(3)])])).toEqual([[[4, 4]]]);
});

test("unread is what the counters of the row say, and only what changes it makes a state", () => {
  const read = [part(2, { read_seq: 1, skipped: 1 }), head(3, 2, 102)];
  const log = logOf([...twoSent, read, [message(1, { ver: 4, content: "new" }), head(4, 2, 102)]]);
  expect(spansOf(log, "unread", ["0", "1", "2"], "unread:2:1")).toEqual([
    [
      [0, 0],
      [3, 3],
    ],
    [[1, 1]],
    [[2, 2]],
  ]);
});

test("rows of two transactions may be mixed; a write says which keys it could not mark, and what it did", () => {
  const rows = logOf([
    [...(twoSent[0] ?? [])],
    [message(1, { ver: 2, deleted_at: "x" }), head(2, 1, null), ["cache_dirty", { key: "conv:1:2" }]],
  ]);
  const other: LogRow = { id: 1.5, at: 0, txn: 9, what: "user_state", row: { user_id: 7, list_ver: 3 } };
  const mixed = [...rows, other].sort((a, b) => a.id - b.id);
  const { objects, effects } = replay(mixed, {
    wanted: new Map([
      ["conv:1:2", new Set([""])],
      ["convlist:7", new Set(["list"])],
    ]),
    texts: internTexts(),
    hiding: new Set(),
  });
  expect(objects.get("conv:1:2")?.states.map(({ ver, txn, dirty }) => [ver, txn, [...dirty]])).toEqual([
    [0, 0, []],
    [1, 1, []],
    [2, 2, ["conv:1:2"]],
  ]);
  expect(objects.get("convlist:7")?.states.map(({ ver }) => ver)).toEqual([0, 3]);
  expect(effects.map(({ effect, txn }) => [effect, txn])).toContainEqual(["deleted 101", 2]);
});

test("a state can be looked up again for a report", () => {
  const at = { object: "conv:1:2", view: "history/2/20", hiding: new Set<string>() };
  expect(textAt(logOf(twoSent), { ...at, txn: 1 })).toBe(historyText([shown(1)]));
  expect(textAt(logOf(twoSent), { ...at, txn: 0 })).toBe("");
});
