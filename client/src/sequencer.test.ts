import type { Message } from "@om/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createSequencer, type Change, type Effect } from "./sequencer.ts";

const name = "user_2";
const message = (seq: number, ver: number): Message => ({ seq, ver, id: 100 + seq }) as Message;

/** A conversation's life: each change is a message or a position. */
function history(kinds: readonly boolean[]): Change[] {
  let seq = 0;
  return kinds.map((isMessage, index) => {
    const ver = index + 1;
    if (isMessage) seq += 1;
    return { conversationId: name, ver, seq, ...(isMessage ? { message: message(seq, ver) } : {}) };
  });
}

const told = (effects: readonly Effect[]): number[] =>
  effects.flatMap((effect) => (effect.kind === "message" ? [effect.message.seq] : []));
const hasGap = (effects: readonly Effect[]): boolean => effects.some(({ kind }) => kind === "gap");

test("an in-order stream is told as it comes and never has a gap", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 40 }), (kinds) => {
      const sequencer = createSequencer();
      const effects = history(kinds).flatMap((change) => sequencer.live(change));
      expect(hasGap(effects)).toBe(false);
      expect(told(effects)).toEqual(kinds.filter(Boolean).map((_, index) => index + 1));
    }),
  );
});

test("whatever is lost, repeated, reordered and fetched again: every message once, in order", () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant("deliver" as const), at: fc.nat(60) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("catchUp" as const), at: fc.nat(60) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const), at: fc.constant(0) }) },
  );
  fc.assert(
    fc.property(
      fc.array(fc.boolean(), { minLength: 1, maxLength: 30 }),
      fc.array(step, { maxLength: 80 }),
      (kinds, steps) => {
        const changes = history(kinds);
        let sequencer = createSequencer();
        const all: Effect[] = [];
        // The server's answer when it stood at change `at`: its head, and every message after what the device has.
        const catchUp = (at: number): void => {
          const head = changes[Math.min(at, changes.length - 1)] ?? { ver: 0, seq: 0 };
          const known = sequencer.followed(name)?.ver ?? 0;
          if (known >= head.ver) return;
          const messages = changes.flatMap((one) =>
            one.message !== undefined && one.ver > known && one.ver <= head.ver + 1 ? [one.message] : [],
          );
          all.push(...sequencer.caughtUp(name, { ver: head.ver, seq: head.seq }, messages));
        };
        for (const { kind, at } of steps) {
          const change = changes[at % changes.length];
          if (kind === "deliver" && change !== undefined) all.push(...sequencer.live(change));
          else if (kind === "catchUp") catchUp(at);
          else if (kind === "restart") sequencer = createSequencer(sequencer.all());
        }
        catchUp(changes.length - 1);
        expect(told(all)).toEqual(kinds.filter(Boolean).map((_, index) => index + 1));
        expect(sequencer.followed(name)?.ver).toBe(changes.length);
      },
    ),
    { numRuns: 300 },
  );
});

test("a change ahead of its turn is held, told as a gap, and released when the gap closes", () => {
  const [one, two, three] = history([true, true, true]) as [Change, Change, Change];
  const sequencer = createSequencer();
  sequencer.live(one);
  const ahead = sequencer.live(three);
  expect([told(ahead), hasGap(ahead)]).toEqual([[], true]);
  const closed = sequencer.live(two);
  expect([told(closed), hasGap(closed)]).toEqual([[2, 3], false]);
});

test("an edit of a known message is told as updated", () => {
  const sequencer = createSequencer([[name, { ver: 2, seq: 2 }]]);
  const edited = message(1, 3);
  const effects = sequencer.live({ conversationId: name, ver: 3, seq: 2, message: edited });
  expect(effects[0]).toEqual({ kind: "updated", message: edited });
});

test("a device that starts at the present is not told of the past", () => {
  const sequencer = createSequencer();
  sequencer.startAt(name, { ver: 5, seq: 4 });
  expect(told(sequencer.live({ conversationId: name, ver: 6, seq: 5, message: message(5, 6) }))).toEqual([5]);
  expect(sequencer.live({ conversationId: name, ver: 5, seq: 4, message: message(4, 5) })).toEqual([]);
});
