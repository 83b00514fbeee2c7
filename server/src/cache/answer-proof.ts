import type { Kept, Observed } from "./answer-memory.ts";
import type { Sight, Witness } from "./witness.ts";

/**
 * What became of an answer that is kept: it is right, what it was made of has changed, or nobody can tell. `made` is one that was made
 * anew, because of that or because none was kept.
 */
export type AnswerResult = "proven" | "changed" | "unknown" | "made";

/**
 * A commit takes less. An entry that is longer dirty, in ms, was not filled by whoever read the newest version, such as a read that went past a
 * Redis that was late: to make the answer anew fills it, else every look would ask the database as well.
 */
const longestDirty = 250;

/**
 * Whether the answer would be the same if it were made now. Looks after the call. What Redis does not say in time, or only that somebody
 * is about to commit, the database is asked.
 */
export async function examine(kept: Kept, witnesses: readonly Witness[], now: () => number): Promise<AnswerResult> {
  let result: AnswerResult | "dirty" = "unknown";
  for (const witness of witnesses) {
    if (!kept.isNewest) return "changed";
    const before = result;
    result = await ask(kept, witness, now);
    if (result === "proven") {
      if (before !== "dirty") delete kept.dirtySince;
      else if (now() - (kept.dirtySince ??= now()) > longestDirty) return "changed";
    }
    if (result === "proven" || result === "changed") break;
  }
  if (!kept.isNewest) return "changed";
  return result === "dirty" ? "unknown" : result;
}

async function ask(kept: Kept, { look, hasCounters }: Witness, now: () => number): Promise<AnswerResult | "dirty"> {
  const sight = await look(hasCounters ? kept.single : [...kept.objects.keys()]);
  const result = compare(kept, kept.single, sight);
  if (result !== "proven" || sight === undefined) return result;
  for (const counted of kept.counted) {
    const stamp = sight.counter(counted.counter);
    if (stamp !== undefined && stamp === counted.stamp) continue;
    const closer = compare(kept, counted.keys, hasCounters ? await look(counted.keys) : sight);
    if (closer !== "proven") return closer;
    counted.stamp = stamp;
  }
  for (const observed of kept.observed) if (!(await isUnchanged(observed, sight, now()))) return "changed";
  return "proven";
}

/** Whether these objects are as they were. */
function compare({ objects }: Kept, keys: readonly string[], sight: Sight | undefined): AnswerResult | "dirty" {
  if (sight === undefined) return "unknown";
  let isDirty = false;
  for (const key of keys) {
    const version = sight.version(key);
    if (version?.ver !== objects.get(key)) return "changed";
    isDirty ||= version?.isDirty === true;
  }
  return isDirty ? "dirty" : "proven";
}

async function isUnchanged(observed: Observed, sight: Sight, now: number): Promise<boolean> {
  const { observation } = observed;
  const [changes, stamp, at] = [observation.changes(), sight.counter(observation.counter), now];
  // Whoever is told by others, and hears nothing from them now, looks again.
  const isTold = stamp !== undefined || observation.counter === "";
  const isSame = isTold && stamp === observed.stamp && changes === observed.changes;
  if (isSame && at - observed.seenAt < observation.maxAgeMs) return true;
  if (!(await observation.isUnchanged())) return false;
  Object.assign(observed, { changes, stamp, seenAt: at });
  return true;
}
