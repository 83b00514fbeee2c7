import type { Kept, Observed } from "./answer-memory.ts";
import type { Sight, Witness } from "./witness.ts";

/**
 * What became of an answer that is kept: it is right, what it was made of has changed, or nobody can tell. `made` is one that was made
 * anew, because of that or because none was kept.
 */
export type AnswerResult = "proven" | "changed" | "unknown" | "made";

/** Whether the answer would be the same if it were made now. Looks after the call. */
export async function examine(kept: Kept, { look, hasCounters }: Witness, now: () => number): Promise<AnswerResult> {
  if (!kept.isKept) return "changed";
  const sight = await look(hasCounters ? kept.single : [...kept.objects.keys()]);
  if (sight === undefined) return "unknown";
  const isSame = (keys: readonly string[], by: Sight): boolean =>
    keys.every((key) => by.version(key) === kept.objects.get(key));
  if (!isSame(kept.single, sight)) return "changed";
  for (const counted of kept.counted) {
    const stamp = sight.counter(counted.counter);
    if (stamp !== undefined && stamp === counted.stamp) continue;
    const closer = hasCounters ? await look(counted.keys) : sight;
    if (closer === undefined) return "unknown";
    if (!isSame(counted.keys, closer)) return "changed";
    counted.stamp = stamp;
  }
  for (const observed of kept.observed) if (!(await isUnchanged(observed, sight, now()))) return "changed";
  return kept.isKept ? "proven" : "changed";
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
