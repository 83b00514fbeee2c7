import type { DeletedMessage, Message } from "@om/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { startAt, step, type Change, type Effect, type Progress, type SequencerState, type Page } from "./sequencer.ts";

const message = (seq: number, ver: number): Message => ({ seq, ver, id: 100 + seq }) as Message;

/** An edit and a deletion are of one of the messages that are there. */
type Kind = "message" | "position" | { kind: "edit" | "delete"; of: number };
interface Stored {
  seq: number;
  firstVer: number;
  /** Versions at which it was edited, and the one at which it was deleted, which comes last. */
  edits: number[];
  deletedAt: number | undefined;
}

/** What the server knows of a conversation after each of its changes. */
interface Truth {
  changes: Change[];
  stored: Stored[];
  /** What GET /api/messages/changes answers when the conversation stands at version `at`: oldest change first. */
  since(ver: number, at: number): { key: number; message?: Message; deleted?: DeletedMessage }[];
}

function life(kinds: readonly Kind[]): Truth {
  const stored: Stored[] = [];
  const changes = kinds.map((kind, index): Change => {
    const ver = index + 1;
    const live = stored.filter(({ deletedAt }) => deletedAt === undefined);
    const target = typeof kind === "string" ? undefined : live[kind.of % (live.length || 1)];
    if (kind === "message") {
      stored.push({ seq: stored.length + 1, firstVer: ver, edits: [], deletedAt: undefined });
      return { ver, seq: stored.length, message: message(stored.length, ver) };
    }
    const place = { ver, seq: stored.length };
    if (typeof kind === "string" || target === undefined) return place;
    if (kind.kind === "delete") {
      target.deletedAt = ver;
      return { ...place, deletedId: 100 + target.seq };
    }
    target.edits.push(ver);
    return { ...place, message: message(target.seq, ver) };
  });
  function since(ver: number, at: number): ReturnType<Truth["since"]> {
    const found = stored.flatMap(({ seq, firstVer, edits, deletedAt }) => {
      const deleted = deletedAt !== undefined && deletedAt <= at ? deletedAt : undefined;
      const now = deleted ?? edits.findLast((edit) => edit <= at) ?? firstVer;
      const key = firstVer > ver ? firstVer : now;
      if (firstVer > at || key <= ver) return [];
      return [
        deleted === undefined
          ? { key, message: message(seq, now) }
          : { key, deleted: { id: 100 + seq, seq, ver: now } },
      ];
    });
    return found.toSorted((a, b) => a.key - b.key);
  }
  return { changes, stored, since };
}

/** A device at one conversation of `truth`. */
function device(truth: Truth) {
  let state: SequencerState = startAt();
  const emitted: Message[] = [];
  const updated: Message[] = [];
  const deleted: number[] = [];
  /** Everything emitted, as `<what> <message id>`. */
  const log: string[] = [];
  const kinds = new Set<Effect["kind"]>();
  function take(event: Parameters<typeof step>[1]): void {
    const [next, effects] = step(state, event);
    state = next;
    for (const effect of effects) {
      kinds.add(effect.kind);
      if (effect.kind === "message") emitted.push(effect.message);
      else if (effect.kind === "updated") updated.push(effect.message);
      else if (effect.kind === "deleted") deleted.push(effect.id);
      if (effect.kind === "deleted") log.push(`deleted ${effect.id}`);
      else if ("message" in effect) log.push(`${effect.kind} ${effect.message.id}`);
    }
  }
  return {
    emitted,
    updated,
    deleted,
    log,
    kinds,
    take,
    state: () => state,
    restart: () => void (state = startAt({ ver: state.ver, seq: state.seq })),
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
        const messages = shown.flatMap((one) => one.message ?? []);
        const deleted = shown.flatMap((one) => one.deleted ?? []);
        take({ kind: "page", page: { messages, deleted, upTo: next ?? head, last } });
        since = next;
        pages += 1;
        if (pages === options.cutAfter) return take({ kind: "disconnected" });
      }
    },
  };
}

const anyLife: fc.Arbitrary<Kind[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constant<Kind>("message") },
    { weight: 2, arbitrary: fc.constant<Kind>("position") },
    { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("edit" as const, "delete" as const), of: fc.nat(9) }) },
  ),
  { minLength: 1, maxLength: 30 },
);
const page = (messages: Message[], upTo: number): Page => ({ messages, deleted: [], upTo, last: true });
const upTo = (n: number): number[] => Array.from({ length: n }, (_, index) => index + 1);
const messages = (kinds: readonly Kind[]): number => kinds.filter((kind) => kind === "message").length;

test("an in-order stream is emitted as it comes, and nothing is waited for or read", () => {
  fc.assert(
    fc.property(anyLife, fc.array(fc.nat(40), { maxLength: 10 }), (kinds, repeats) => {
      const truth = life(kinds);
      const { changes } = truth;
      const one = device(truth);
      changes.forEach((change, index) => {
        one.take({ kind: "change", change });
        // What was emitted before comes again.
        for (const at of repeats) {
          const again = changes[at];
          if (again !== undefined && at <= index) one.take({ kind: "change", change: again });
        }
      });
      expect(one.emitted.map(({ seq }) => seq)).toEqual(upTo(messages(kinds)));
      expect([one.kinds.has("wait"), one.kinds.has("missing")]).toEqual([false, false]);
      const gone = truth.stored.flatMap(({ seq, deletedAt }) => (deletedAt === undefined ? [] : [100 + seq]));
      expect(new Set(one.deleted)).toEqual(new Set(gone));
      expect(one.deleted).toHaveLength(gone.length);
      expect(one.state()).toMatchObject({ ver: kinds.length, gap: "none", held: [] });
    }),
  );
});

test("whatever is lost, repeated, reordered, cut and read again: every message once, in order, and its last change or its end", () => {
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
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("disconnected" as const) }) },
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
      expect(one.state()).toMatchObject({ ver: length, gap: "none", held: [] });
      const seqs = one.emitted.map(({ seq }) => seq);
      expect(seqs).toEqual([...new Set(seqs)].toSorted((a, b) => a - b));
      for (const { seq, firstVer, edits, deletedAt } of truth.stored) {
        const id = 100 + seq;
        const log = one.log.filter((line) => line.endsWith(` ${id}`));
        if (deletedAt !== undefined) {
          // Never emitted, or emitted and then emitted deleted.
          if (seqs.includes(seq)) expect(log.at(-1)).toBe(`deleted ${id}`);
          else if (!restarted) expect(log).toEqual([]);
        } else {
          const shown = [...one.emitted, ...one.updated].filter((one) => one.id === id).map(({ ver }) => ver);
          expect([seqs.includes(seq), Math.max(...shown)]).toEqual([true, edits.at(-1) ?? firstVer]);
          expect(log).not.toContain(`deleted ${id}`);
          if (!restarted) expect(new Set(shown).size).toBe(shown.length);
        }
        // Without a restart, which forgets what was emitted ahead, no change is emitted twice.
        if (!restarted) expect(log.filter((line) => line.startsWith("deleted")).length).toBeLessThanOrEqual(1);
      }
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
  expect([one.emitted.length, one.state().gap]).toEqual([1, "waiting"]);
  one.take({ kind: "change", change: second });
  one.take({ kind: "waited" });
  expect(one.emitted.map(({ seq }) => seq)).toEqual([1, 2, 3]);
  expect([...one.kinds]).toEqual(["message", "wait"]);
});

test("a gap that stays is reported once until it was read, and again if something is still missing then", () => {
  const one = device(life([]));
  const change = (ver: number): Change => ({ ver, seq: ver, message: message(ver, ver) });
  const effects = (event: Parameters<typeof step>[1], state: SequencerState): [SequencerState, string[]] => {
    const [next, made] = step(state, event);
    return [next, made.map(({ kind }) => kind)];
  };
  let [state, made] = effects({ kind: "change", change: change(3) }, one.state());
  expect(made).toEqual(["wait"]);
  [state, made] = effects({ kind: "waited" }, state);
  expect(made).toEqual(["missing"]);
  [state, made] = effects({ kind: "change", change: change(9) }, state);
  expect(made).toEqual([]);
  [state, made] = effects({ kind: "page", page: page([message(1, 1), message(2, 2)], 5) }, state);
  expect(made).toEqual(["message", "message", "wait"]);
});

test("a device that starts at the present is not emitted of the past, but of what came while it looked", () => {
  const at: Progress = { ver: 5, seq: 4 };
  const one = device(life([]));
  one.take({ kind: "change", change: { ver: 5, seq: 4, message: message(4, 5) } });
  one.take({ kind: "change", change: { ver: 6, seq: 5, message: message(5, 6) } });
  one.take({ kind: "start", at });
  expect(one.emitted.map(({ seq }) => seq)).toEqual([4, 5]);
  expect(one.state()).toMatchObject({ ver: 6, seq: 5, gap: "none" });
});

test("more than can be held is let go and asked for", () => {
  const one = device(life([]));
  for (let ver = 2; ver < 3_000; ver += 1) one.take({ kind: "change", change: { ver, seq: ver } });
  expect([one.state().held.length, one.state().latestVer]).toEqual([1_000, 2_999]);
  one.take({ kind: "page", page: page([], 1) });
  expect(one.state()).toMatchObject({ ver: 1_001, gap: "waiting" });
});

test("what a page emitted of a message ahead of its turn is not undone by the changes that come in turn", () => {
  const one = device(life([]));
  const gone = { id: 102, seq: 2, ver: 4 };
  one.take({ kind: "change", change: { ver: 1, seq: 1, message: message(1, 1) } });
  one.take({ kind: "page", page: { messages: [], deleted: [gone], upTo: 2, last: true } });
  one.take({ kind: "change", change: { ver: 3, seq: 2, message: message(2, 3) } });
  one.take({ kind: "change", change: { ver: 4, seq: 2, deletedId: 102 } });
  expect(one.log).toEqual(["message 101"]);
  expect(one.state()).toMatchObject({ ver: 4, seq: 2, gap: "none" });
});

test("a device that starts at the present is told what was edited and deleted while it looked, each as what it is", () => {
  const one = device(life([]));
  one.take({ kind: "change", change: { ver: 5, seq: 3, message: { ...message(2, 5), version: 2 } } });
  one.take({ kind: "change", change: { ver: 6, seq: 4, message: message(4, 6) } });
  one.take({ kind: "change", change: { ver: 7, seq: 4, message: { ...message(4, 7), version: 2 } } });
  one.take({ kind: "change", change: { ver: 8, seq: 4, deletedId: 104 } });
  one.take({ kind: "start", at: { ver: 8, seq: 4 } });
  expect(one.log).toEqual(["updated 102", "message 104", "updated 104", "deleted 104"]);
});
