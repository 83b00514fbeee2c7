import type { Ms, Proof, ReadEvent, Seen, WriteEvent } from "../history/events.ts";
import { lastWhere, type ObjectHistory, type State } from "./object-history.ts";
import type { OwnWrite } from "./order.ts";
import { clockError, locateRead, type LocatedRead } from "./locate-read.ts";

/** Something that PostgreSQL's account shows a transaction to have done, such as `deleted 17`. */
export interface Effect {
  readonly effect: string;
  readonly at: Ms;
  readonly txn: number;
}

export interface Ledger {
  readonly objects: ReadonlyMap<string, ObjectHistory>;
  /** In time. */
  readonly effects: readonly Effect[];
}

/** Reads with their places, in objects whose states know since when they are proven. */
export interface Evidence {
  readonly reads: readonly LocatedRead[];
  readonly ownWrites: readonly OwnWrite[];
  /** Acknowledged writes whose transaction was not found; they prove nothing. */
  readonly unlocated: number;
}

/**
 * Works out since when each state was certainly committed: somebody was answered, pushed or shown it, or a later state of the same
 * object. Times are those at which the harness held the proof in hand, so a state never counts as committed too early.
 */
export function assess(
  ledger: Ledger,
  events: { reads: readonly ReadEvent[]; writes: readonly WriteEvent[]; seen: readonly Seen[] },
): Evidence {
  const proven = new Map<number, Ms>();
  const prove = (txn: number | undefined, at: Ms): void => {
    if (txn !== undefined && at < (proven.get(txn) ?? Infinity)) proven.set(txn, at);
  };
  const findTxn = txnFinder(ledger);
  const ownWrites: OwnWrite[] = [];
  let unlocated = 0;
  for (const { session, t0, t1, proof } of events.writes) {
    const txn = findTxn(proof, t0, t1);
    if (txn === undefined) unlocated += 1;
    else ownWrites.push({ session, t1, txn });
    prove(txn, t1);
  }
  for (const { object, ver, at } of events.seen) prove(findTxn({ object, ver }, at, at), at);
  for (const read of events.reads) {
    const object = ledger.objects.get(read.of.object);
    if (object === undefined) continue;
    const { first, fits } = locateRead(object, read);
    if (fits === "yes") prove(object.states[first]?.txn, read.t1);
  }
  const objects = new Map([...ledger.objects].map(([name, object]) => [name, withProofs(object, proven)]));
  const reads: LocatedRead[] = [];
  for (const read of events.reads) {
    const object = objects.get(read.of.object);
    if (object !== undefined) reads.push(locateRead(object, read));
  }
  return { reads, ownWrites, unlocated };
}

/** A later state cannot be committed before an earlier one. */
function withProofs(object: ObjectHistory, proven: ReadonlyMap<number, Ms>): ObjectHistory {
  const states: State[] = [];
  let later = Infinity;
  for (const state of object.states.toReversed()) {
    later = Math.min(later, proven.get(state.txn) ?? Infinity);
    states.push({ ...state, provenAt: later });
  }
  return { ...object, states: states.toReversed() };
}

function txnFinder({ objects, effects }: Ledger): (proof: Proof, t0: Ms, t1: Ms) => number | undefined {
  const byEffect = new Map<string, Effect[]>();
  for (const effect of effects) {
    const known = byEffect.get(effect.effect);
    if (known === undefined) byEffect.set(effect.effect, [effect]);
    else known.push(effect);
  }
  return (proof, t0, t1) => {
    if ("effect" in proof) {
      const fits = ({ at }: Effect): boolean => at >= t0 - clockError && at <= t1 + clockError;
      return byEffect.get(proof.effect)?.find(fits)?.txn;
    }
    const states = objects.get(proof.object)?.states ?? [];
    return states[lastWhere(states, ({ ver }) => ver < proof.ver) + 1]?.txn;
  };
}
