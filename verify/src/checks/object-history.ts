import type { Ms } from "../history/events.ts";

/** An object as one committed transaction left it. */
export interface State {
  /** Several states may share a version: what concerns one member alone does not raise a group's. */
  readonly ver: number;
  readonly txn: number;
  /** A moment in its transaction, before the commit. */
  readonly beganAt: Ms;
  /** By then it was certainly committed: somebody had received it, or a later one. Infinity: nobody had. */
  readonly provenAt: Ms;
  /** The keys whose marks were not acknowledged: the transaction says so in `cache_dirty`. */
  readonly dirty: ReadonlySet<string>;
}

/** From one state to another, both included. */
export type Span = readonly [from: number, to: number];

/** All that an object ever was, in the order of commits; the first state is from before the run and empty. */
export interface ObjectHistory {
  readonly name: string;
  readonly states: readonly State[];
  /** View → number of a text that was read → the states that show it. */
  readonly shown: ReadonlyMap<string, ReadonlyMap<number, readonly Span[]>>;
}

/** The last state for which `holds` is true, when it is true for the first ones only; -1: none. */
export function lastWhere(states: readonly State[], holds: (state: State) => boolean): number {
  let low = 0;
  let high = states.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const state = states[middle];
    if (state !== undefined && holds(state)) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
