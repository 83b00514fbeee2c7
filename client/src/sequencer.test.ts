import type { Message } from "@om/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { follow, step, type Change, type Effect, type Followed, type Following } from "./sequencer.ts";

const message = (seq: number, ver: number): Message => ({ seq, ver, id: 100 + seq }) as Message;

type Kind = "message" | "position" | "edit";
/** What the server knows of a conversation after each of its changes; an edit changes the oldest message. */
interface Truth {
  changes: Change[];
  /** What GET /api/messages/changes answers when the conversation stands at version `at`: oldest change first. */
  since(ver: number, at: number): { key: number; message: Message }[];
}

function life(kinds: readonly Kind[]): Truth {
  let seq = 0;
  const sent: number[] = [];
  const edits: number[] = [];
  const changes = kinds.map((kind, index): Change => {
    const ver = index + 1;
    if (kind === "message") {
      seq += 1;
      sent.push(ver);
      return { ver, seq, message: message(seq, ver) };
    }
    if (kind === "position" || seq === 0) return { ver, seq };
    edits.push(ver);
    return { ver, seq, message: message(1, ver) };
  });
  function since(ver: number, at: number): { key: number; message: Message }[] {
    const lastEdit = edits.findLast((edit) => edit <= at) ?? 0;
    const found = sent.flatMap((firstVer, index) => {
      const now = index === 0 && lastEdit > 0 ? lastEdit : firstVer;
      const key = firstVer > ver ? firstVer : now;
      return firstVer <= at && key > ver ? [{ key, message: message(index + 1, now) }] : [];
    });
    return found.toSorted((a, b) => a.key - b.key);
  }
  return { changes, since };
}

/** A device at one conversation of `truth`. */
function device(truth: Truth) {
  let state: Following = follow();
  const told: Message[] = [];
  const updated: Message[] = [];
  const kinds = new Set<Effect["kind"]>();
  function take(event: Parameters<typeof step>[1]): void {
    const [next, effects] = step(state, event);
    state = next;
    for (const effect of effects) {
      kinds.add(effect.kind);
      if (effect.kind === "message") told.push(effect.message);
      else if (effect.kind === "updated") updated.push(effect.message);
    }
  }
  return {
    told,
    updated,
    kinds,
    take,
    state: () => state,
    restart: () => void (state = follow({ ver: state.ver, seq: state.seq })),
    /** Reads as catch-up.ts does; each page is answered `lag` changes after the one before, `between` happens meanwhile. */
    read(head: number, options: { pageSize: number; lag: number; between?: () => void; cutAfter?: number }): void {
      take({ kind: "head", ver: head });
      if (state.ver >= head) return;
      let at = head;
      let pages = 0;
      for (let since: number | undefined = state.ver; since !== undefined;) {
        at = Math.min(truth.changes.length, at + options.lag);
        const found = truth.since(since, at);
        const shown = found.slice(0, options.pageSize);
        const last = shown.length === found.length;
        const next: number | undefined = last ? undefined : shown.at(-1)?.key;
        options.between?.();
        take({ kind: "page", messages: shown.map((one) => one.message), upTo: next ?? head, last });
        since = next;
        pages += 1;
        if (pages === options.cutAfter) return take({ kind: "cut" });
      }
    },
  };
}

const anyLife = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constant<Kind>("message") },
    { weight: 2, arbitrary: fc.constant<Kind>("position") },
    { weight: 1, arbitrary: fc.constant<Kind>("edit") },
  ),
  { minLength: 1, maxLength: 30 },
);
const upTo = (n: number): number[] => Array.from({ length: n }, (_, index) => index + 1);
const messages = (kinds: readonly Kind[]): number => kinds.filter((kind) => kind === "message").length;

test("an in-order stream is told as it comes, and nothing is waited for or read", () => {
  fc.assert(
    fc.property(anyLife, fc.array(fc.nat(40), { maxLength: 10 }), (kinds, repeats) => {
      const { changes } = life(kinds);
      const one = device(life(kinds));
      changes.forEach((change, index) => {
        one.take({ kind: "change", change });
        // What was told before comes again.
        for (const at of repeats) {
          const again = changes[at];
          if (again !== undefined && at <= index) one.take({ kind: "change", change: again });
        }
      });
      expect(one.told.map(({ seq }) => seq)).toEqual(upTo(messages(kinds)));
      expect([one.kinds.has("wait"), one.kinds.has("missing")]).toEqual([false, false]);
      expect(one.state()).toMatchObject({ ver: kinds.length, gap: "none", held: [] });
    }),
  );
});

test("whatever is lost, repeated, reordered, cut and read again: every message once, in order, and its last change is told", () => {
  const at = fc.nat(60);
  const doing = fc.oneof(
    { weight: 8, arbitrary: fc.record({ kind: fc.constant("deliver" as const), at }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("read" as const),
        at,
        lag: fc.nat(2),
        pageSize: fc.integer({ min: 1, max: 4 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("torn" as const),
        at,
        lag: fc.nat(2),
        pageSize: fc.integer({ min: 1, max: 3 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("waited" as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("cut" as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const) }) },
  );
  fc.assert(
    fc.property(anyLife, fc.array(doing, { maxLength: 80 }), fc.func(fc.nat(30)), (kinds, doings, pick) => {
      const truth = life(kinds);
      const { length } = truth.changes;
      const one = device(truth);
      let restarted = false;
      const deliver = (at: number): void => {
        const change = truth.changes[at % length];
        if (change !== undefined) one.take({ kind: "change", change });
      };
      for (const doing of doings) {
        const between = (): void => deliver(pick(one.state().ver));
        if (doing.kind === "deliver") deliver(doing.at);
        else if (doing.kind === "read") one.read(Math.min(doing.at, length), { ...doing, between });
        else if (doing.kind === "torn") one.read(Math.min(doing.at, length), { ...doing, between, cutAfter: 1 });
        else if (doing.kind === "restart") {
          one.restart();
          restarted = true;
        } else one.take({ kind: doing.kind });
      }
      one.read(length, { pageSize: 3, lag: 0 });
      expect(one.told.map(({ seq }) => seq)).toEqual(upTo(messages(kinds)));
      expect(one.state()).toMatchObject({ ver: length, gap: "none", held: [] });
      const last = truth.since(0, length).find(({ message: { seq } }) => seq === 1)?.message.ver ?? 0;
      const shown = [...one.told, ...one.updated].filter(({ seq }) => seq === 1).map(({ ver }) => ver);
      if (last > 0) expect(Math.max(...shown)).toBe(last);
      // Without a restart, which forgets what was told ahead, no change is told twice.
      if (!restarted) expect(new Set(shown).size).toBe(shown.length);
    }),
    { numRuns: 1_000 },
  );
});

test("a change ahead of its turn is held; what fills the gap in time saves the reading", () => {
  const { changes } = life(["message", "message", "message"]);
  const one = device(life(["message", "message", "message"]));
  const [first, second, third] = changes as [Change, Change, Change];
  one.take({ kind: "change", change: first });
  one.take({ kind: "change", change: third });
  expect([one.told.length, one.state().gap]).toEqual([1, "waiting"]);
  one.take({ kind: "change", change: second });
  one.take({ kind: "waited" });
  expect(one.told.map(({ seq }) => seq)).toEqual([1, 2, 3]);
  expect([...one.kinds]).toEqual(["message", "wait"]);
});

test("a gap that stays is reported once until it was read, and again if something is still missing then", () => {
  const one = device(life([]));
  const change = (ver: number): Change => ({ ver, seq: ver, message: message(ver, ver) });
  const effects = (event: Parameters<typeof step>[1], state: Following): [Following, string[]] => {
    const [next, made] = step(state, event);
    return [next, made.map(({ kind }) => kind)];
  };
  let [state, made] = effects({ kind: "change", change: change(3) }, one.state());
  expect(made).toEqual(["wait"]);
  [state, made] = effects({ kind: "waited" }, state);
  expect(made).toEqual(["missing"]);
  [state, made] = effects({ kind: "change", change: change(9) }, state);
  expect(made).toEqual([]);
  [state, made] = effects({ kind: "page", messages: [message(1, 1), message(2, 2)], upTo: 5, last: true }, state);
  expect(made).toEqual(["message", "message", "wait"]);
});

test("a device that starts at the present is not told of the past, but of what came while it looked", () => {
  const at: Followed = { ver: 5, seq: 4 };
  const one = device(life([]));
  one.take({ kind: "change", change: { ver: 5, seq: 4, message: message(4, 5) } });
  one.take({ kind: "change", change: { ver: 6, seq: 5, message: message(5, 6) } });
  one.take({ kind: "start", at });
  expect(one.told.map(({ seq }) => seq)).toEqual([5]);
  expect(one.state()).toMatchObject({ ver: 6, seq: 5, gap: "none" });
});

test("more than can be held is let go and asked for", () => {
  const one = device(life([]));
  for (let ver = 2; ver < 3_000; ver += 1) one.take({ kind: "change", change: { ver, seq: ver } });
  expect([one.state().held.length, one.state().heard]).toEqual([1_000, 2_999]);
  one.take({ kind: "page", messages: [], upTo: 1, last: true });
  expect(one.state()).toMatchObject({ ver: 1_001, gap: "waiting" });
});
