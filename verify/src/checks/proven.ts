import type { Ms, Proof, ReadEvent, Seen, WriteEvent } from "../history/events.ts";
import { lastWhere, type ObjectHistory, type State } from "./object-history.ts";
import type { OwnWrite } from "./order.ts";
import { clockError, placeRead, type Placed } from "./locate-read.ts";

/** Something that PostgreSQL's account shows a transaction to have done, such as `deleted 17`. */
export interface Sign {
  readonly sign: string;
  readonly at: Ms;
  readonly txn: number;
}

export interface Account {
  readonly objects: ReadonlyMap<string, ObjectHistory>;
  /** In time. */
  readonly signs: readonly Sign[];
}

/** Reads with their places, in objects whose states know since when they are proven. */
export interface Evidence {
  readonly reads: readonly Placed[];
  readonly ownWrites: readonly OwnWrite[];
  /** Acknowledged writes whose transaction was not found; they prove nothing. */
  readonly unplaced: number;
}

/**
 * Works out since when each state was certainly committed: somebody was answered, pushed or shown it, or a later state of the same
 * object. Times are those at which the harness held the proof in hand, so a state never counts as committed too early.
 */
export function weigh(
  account: Account,
  events: { reads: readonly ReadEvent[]; writes: readonly WriteEvent[]; seen: readonly Seen[] },
): Evidence {
  const proven = new Map<number, Ms>();
  const prove = (txn: number | undefined, at: Ms): void => {
    if (txn !== undefined && at < (proven.get(txn) ?? Infinity)) proven.set(txn, at);
  };
  const findTxn = txnFinder(account);
  const ownWrites: OwnWrite[] = [];
  let unplaced = 0;
  for (const { session, t0, t1, proof } of events.writes) {
    const txn = findTxn(proof, t0, t1);
    if (txn === undefined) unplaced += 1;
    else ownWrites.push({ session, t1, txn });
    prove(txn, t1);
  }
  for (const { object, ver, at } of events.seen) prove(findTxn({ object, ver }, at, at), at);
  for (const read of events.reads) {
    const object = account.objects.get(read.of.object);
    if (object === undefined) continue;
    const { first, fits } = placeRead(object, read);
    if (fits === "yes") prove(object.states[first]?.txn, read.t1);
  }
  const objects = new Map([...account.objects].map(([name, object]) => [name, withProofs(object, proven)]));
  const reads: Placed[] = [];
  for (const read of events.reads) {
    const object = objects.get(read.of.object);
    if (object !== undefined) reads.push(placeRead(object, read));
  }
  return { reads, ownWrites, unplaced };
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

function txnFinder({ objects, signs }: Account): (proof: Proof, t0: Ms, t1: Ms) => number | undefined {
  const bySign = new Map<string, Sign[]>();
  for (const sign of signs) {
    const known = bySign.get(sign.sign);
    if (known === undefined) bySign.set(sign.sign, [sign]);
    else known.push(sign);
  }
  return (proof, t0, t1) => {
    if ("sign" in proof) {
      const fits = ({ at }: Sign): boolean => at >= t0 - clockError && at <= t1 + clockError;
      return bySign.get(proof.sign)?.find(fits)?.txn;
    }
    const states = objects.get(proof.object)?.states ?? [];
    return states[lastWhere(states, ({ ver }) => ver < proof.ver) + 1]?.txn;
  };
}
