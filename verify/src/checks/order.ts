import type { Ms } from "../history/events.ts";
import { createFindings, type CheckResult } from "./check.ts";
import type { ObjectHistory } from "./object-history.ts";
import { readWords, type LocatedRead } from "./locate-read.ts";

/** What a session was answered of a transaction of its own, and when. */
export interface OwnWrite {
  readonly session: number;
  readonly t1: Ms;
  readonly txn: number;
}

type Step = { at: Ms; write: OwnWrite } | { at: Ms; seen: LocatedRead } | { at: Ms; check: LocatedRead };

/**
 * (d) Within a session no object goes back: a read shows at least what an earlier read of the same kind showed to the session, and
 * what the session itself has written. This holds in degraded times too. A list and the history of a group in it are not of one kind:
 * nothing is promised across cached objects.
 */
export function checkOrder(reads: readonly LocatedRead[], writes: readonly OwnWrite[]): CheckResult {
  const findings = createFindings();
  const touched = objectsByTxn(reads);
  let checked = 0;
  for (const steps of stepsBySession(reads, writes).values()) {
    const least = new Map<string, { index: number; why: string }>();
    const raise = (name: string, index: number, why: string): void => {
      if (index > (least.get(name)?.index ?? -1)) least.set(name, { index, why });
    };
    for (const step of steps) {
      if ("write" in step)
        for (const [object, index] of touched.get(step.write.txn) ?? []) raise(object.name, index, "had written");
      if ("seen" in step) raise(kindOf(step.seen), step.seen.first, "had seen");
      if (!("check" in step)) continue;
      checked += 1;
      const { read, object, last } = step.check;
      const bound = [least.get(object.name), least.get(kindOf(step.check))]
        .filter((one) => one !== undefined)
        .reduce((high, one) => (one.index > high.index ? one : high), { index: -1, why: "" });
      if (last >= bound.index) continue;
      findings.add(() => {
        const [shown, known] = [object.states[last]?.ver ?? "?", object.states[bound.index]?.ver ?? "?"];
        return `${readWords({ read, object })} at version ${shown}, but session ${read.session} ${bound.why} ${known}`;
      });
    }
  }
  return {
    name: "(d) session order",
    checked,
    violations: findings.violations,
    violationCount: findings.count(),
    figures: {},
  };
}

const kindOf = ({ object, read }: LocatedRead): string => `${object.name} from ${read.of.keys[0]}`;

/** Of every session what it received and what it asked for, in time; what ends when something begins comes before it. */
function stepsBySession(reads: readonly LocatedRead[], writes: readonly OwnWrite[]): Map<number, Step[]> {
  const sessions = new Map<number, Step[]>();
  const add = (session: number, step: Step): void => {
    const steps = sessions.get(session);
    if (steps === undefined) sessions.set(session, [step]);
    else steps.push(step);
  };
  for (const write of writes) add(write.session, { at: write.t1, write });
  for (const placed of reads) {
    if (placed.last < 0) continue;
    if (placed.fits === "yes") add(placed.read.session, { at: placed.read.t1, seen: placed });
    add(placed.read.session, { at: placed.read.t0, check: placed });
  }
  for (const steps of sessions.values())
    steps.sort((a, b) => a.at - b.at || Number("check" in a) - Number("check" in b));
  return sessions;
}

/**
 * Transaction → the states that it left of the objects that were read. Where versions are shown, what did not raise the version, such
 * as a member's own position, need not show.
 */
function objectsByTxn(reads: readonly LocatedRead[]): Map<number, [ObjectHistory, number][]> {
  const touched = new Map<number, [ObjectHistory, number][]>();
  const versioned = new Set(
    reads.filter(({ read }) => read.ver !== undefined && read.of.lags !== true).map(({ object }) => object),
  );
  for (const object of new Set(reads.map(({ object }) => object))) {
    for (const [index, { txn, ver }] of object.states.entries()) {
      if (versioned.has(object) && ver === object.states[index - 1]?.ver) continue;
      const known = touched.get(txn);
      if (known === undefined) touched.set(txn, [[object, index]]);
      else known.push([object, index]);
    }
  }
  return touched;
}
