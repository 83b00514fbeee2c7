import { describe, expect, test } from "vitest";
import { packEntry } from "../cache/entry.ts";
import type { MessageTuple } from "../conversations/conversation-row.ts";
import { historySource } from "./history-cache.ts";
import { foldHistory, type History } from "./history.ts";

const source = historySource({ query: () => Promise.reject(new Error("nothing is loaded here")) }, "conv");

/** A conversation of two people with messages of this text, as many as the window could hold. */
function historyOf(text: string, count: number): History {
  const tuple = (seq: number): MessageTuple => {
    const id = 4_000_000_000_000 + seq;
    const at = "2026-01-02T03:04:05.678901Z";
    const replied: MessageTuple = [
      id - 1,
      seq - 1,
      seq,
      2,
      "a".repeat(36),
      "text",
      text,
      1,
      at,
      false,
      null,
      null,
      null,
    ];
    return [id, seq, seq, 1, "a".repeat(36), "text", text, 1, at, false, id - 1, replied, null];
  };
  return {
    conversation_id: 7,
    lo: 1,
    hi: 2,
    group_id: null,
    ver: count,
    seq: count,
    cleared_seq: 0,
    from: 1,
    positions: [],
    messages: Array.from({ length: count }, (_, index) => tuple(index + 1)),
  };
}

const entryOf = (history: History): { length: number; kept: History } => {
  const records = source.records(history) ?? [];
  const { length } = packEntry({ ver: history.ver, epoch: 1, until: 0, records });
  const kept = foldHistory(records, history.ver);
  if (kept === undefined) throw new Error("what was kept cannot be read");
  return { length, kept };
};

// An entry above half of its bound is made short after each append; one that is not short by then would be made anew every time.
describe("a fresh entry is short enough to be appended to, whatever people write", () => {
  test.each([
    ["Latin", "a"],
    ["Persian", "س"],
    ["Chinese", "中"],
    ["emoji", "🙂"],
  ])("%s", (_, letter) => {
    for (const letters of [1, 100, 700, 4_096, 20_000]) {
      const { length, kept } = entryOf(historyOf(letter.repeat(letters), 200));
      expect([letters, length < source.maxBytes / 2]).toEqual([letters, true]);
      expect(kept.messages.map(([, seq]) => seq)).toEqual(
        Array.from({ length: 200 - kept.from + 1 }, (_, index) => kept.from + index),
      );
    }
  });
});

test("of short messages the newest 80 are kept, and it says from where on it is whole", () => {
  const { kept } = entryOf(historyOf("short", 200));
  expect([kept.from, kept.messages.length, kept.messages[0]?.[1]]).toEqual([121, 80, 121]);
});

test("what was not whole before is not made whole by being shortened", () => {
  const history = historyOf("short", 200);
  const cut = { ...history, from: 190, messages: history.messages.slice(189) };
  expect(entryOf(cut).kept).toMatchObject({ from: 190, seq: 200, messages: cut.messages });
});

test("a message that is too long alone leaves an entry that tells nothing but the end", () => {
  const { kept } = entryOf(historyOf("a".repeat(200_000), 3));
  expect([kept.from, kept.seq, kept.messages]).toEqual([4, 3, []]);
});
