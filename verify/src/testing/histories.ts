import type { ObjectHistory, Span, State } from "../checks/object-history.ts";
import { locateRead, type LocatedRead } from "../checks/locate-read.ts";
import type { ReadEvent } from "../history/events.ts";

/** An object with one state per entry, after an empty one; each begins 1 ms before it is proven unless it says otherwise. */
export function objectWith(
  states: readonly (Partial<State> & { ver: number })[],
  shown: Record<string, Record<number, readonly Span[]>> = {},
): ObjectHistory {
  const empty: State = { ver: 0, txn: 0, beganAt: -Infinity, provenAt: -Infinity, dirty: new Set() };
  const all = states.map((state, index): State => {
    const provenAt = state.provenAt ?? Infinity;
    const beganAt = provenAt === Infinity ? 0 : provenAt - 1;
    return { txn: index + 1, beganAt, provenAt, dirty: new Set(), ...state };
  });
  const views = Object.entries(shown).map(
    ([view, texts]) => [view, new Map(Object.entries(texts).map(([text, spans]) => [Number(text), spans]))] as const,
  );
  return { name: "conv:1:2", states: [empty, ...all], shown: new Map(views) };
}

/** A read of `conv:1:2` that takes 1 ms. */
export function readAt(t0: number, ver: number | undefined, more: Partial<ReadEvent> = {}): ReadEvent {
  const of = { object: "conv:1:2", view: "", keys: ["conv:1:2"] };
  return { session: 1, node: 0, of, t0, t1: t0 + 1, ver, text: undefined, ...more };
}

export function placed(object: ObjectHistory, ...reads: readonly ReadEvent[]): LocatedRead[] {
  return reads.map((read) => locateRead(object, read));
}
