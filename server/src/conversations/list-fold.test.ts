import { describe, expect, test } from "vitest";
import type { MessageTuple } from "./conversation-row.ts";
import type { ListedHead } from "./conversation-store.ts";
import { applyToList, byActivity, type ListPositionRecord, type ListMessageRecord } from "./list-fold.ts";

const [me, peer] = [2, 1];

function head(rest: Partial<ListedHead> = {}): ListedHead {
  return {
    conversation_id: 7,
    lo: peer,
    hi: me,
    group_id: null,
    ver: 4,
    seq: 3,
    lo_read: 1,
    lo_delivered: 2,
    hi_read: 2,
    hi_delivered: 3,
    activity: "2026-01-02T03:04:05Z",
    cleared_seq: 0,
    settings: null,
    mentions: 0,
    unread: 1,
    group: null,
    my_read_id: 20,
    my_delivered_id: 30,
    peer_read_id: 10,
    peer_delivered_id: 20,
    messages: [],
    last_visible_id: 30,
    ...rest,
  };
}

const at = "2026-01-02T03:04:06.5Z";
const message = (by: number): MessageTuple => [40, 4, 5, by, "c", "text", "hi", 1, at, false, null, null, null];
const sent = (by: number, tuple: MessageTuple | null): ListMessageRecord => ["s", 7, 5, 4, by, tuple];

/** What becomes of a head by a record. */
function after(record: unknown, before = head()): ListedHead | undefined {
  const own = { ...before };
  return applyToList(new Map([[own.conversation_id, own]]), record, me) ? own : undefined;
}

describe("what is appended to a list", () => {
  const newest = { ver: 5, seq: 4, last_visible_id: 40, activity: at };

  test("a message of the other is the last one, and unread", () => {
    const tuple = message(peer);
    expect(after(sent(peer, tuple))).toEqual(head({ ...newest, unread: 2, messages: [tuple] }));
  });

  test("one's own is the last one, and read", () => {
    const tuple = message(me);
    expect(after(sent(me, tuple))).toEqual(head({ ...newest, messages: [tuple] }));
  });

  test("one that is hidden from me changes the version only", () => {
    expect(after(sent(peer, null))).toEqual(head({ ver: 5, seq: 4 }));
  });

  const moved = (by: number, position: ListPositionRecord[5], cleared = 0): ListPositionRecord => [
    "p",
    7,
    5,
    3,
    by,
    position,
    cleared,
  ];

  test("my position takes from what is unread", () => {
    const now = { ver: 5, hi_read: 3, hi_delivered: 3, my_read_id: 30, my_delivered_id: 30, unread: 0 };
    expect(after(moved(me, [3, 30, 3, 30], 1))).toEqual(head(now));
  });

  test("the other's position does not, and null leaves a part as it was", () => {
    const now = { ver: 5, lo_delivered: 3, peer_delivered_id: 30 };
    expect(after(moved(peer, [null, null, 3, 30], 1))).toEqual(head(now));
  });

  test("of notes to oneself both sides are mine", () => {
    const notes = head({ lo: me, unread: 0 });
    const now = after(moved(me, [3, 30, 3, 30]), notes);
    const sides = { lo_read: 3, hi_read: 3, lo_delivered: 3, hi_delivered: 3 };
    const ids = { my_read_id: 30, my_delivered_id: 30, peer_read_id: 30, peer_delivered_id: 30 };
    expect(now).toEqual({ ...notes, ver: 5, ...sides, ...ids });
  });

  test.each([
    ["of a conversation that is not there", ["s", 8, 5, 4, peer, message(peer)]],
    ["of a kind that is not known", ["x", 7, 5, 4]],
    ["that is none", { s: 7 }],
    ["null", null],
  ])("a record %s: the list does not tell", (_, record) => {
    expect(after(record)).toBeUndefined();
  });
});

test("newest activity first, whatever digits a second has; of the same time the newest message, then the newest without one", () => {
  const ordered = [
    head({ conversation_id: 1, activity: "2026-01-02T03:04:06.25Z", last_visible_id: 1 }),
    head({ conversation_id: 2, activity: "2026-01-02T03:04:06.2Z", last_visible_id: 9 }),
    head({ conversation_id: 3, activity: "2026-01-02T03:04:06.000001Z", last_visible_id: 2 }),
    head({ conversation_id: 4, activity: "2026-01-02T03:04:06Z", last_visible_id: 10 }),
    head({ conversation_id: 5, activity: "2026-01-02T03:04:06Z", last_visible_id: 9 }),
    head({ conversation_id: 7, activity: "2026-01-02T03:04:06Z", last_visible_id: null }),
    head({ conversation_id: 6, activity: "2026-01-02T03:04:06Z", last_visible_id: null }),
    head({ conversation_id: 8, activity: "2026-01-02T03:04:05.999999Z", last_visible_id: 11 }),
  ];
  for (const mixed of [ordered, ordered.toReversed(), [...ordered.slice(3), ...ordered.slice(0, 3)]]) {
    expect(mixed.toSorted(byActivity).map((one) => one.conversation_id)).toEqual([1, 2, 3, 4, 5, 7, 6, 8]);
  }
});
