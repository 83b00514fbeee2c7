import { postWithoutContiguity } from "./mutants.ts";
import { runsOf, type Run } from "./run.ts";
import { twoKeys, twoKeysModel, type Rules, type TwoKeys } from "./two-keys.ts";

const { holds, mutant } = runsOf("two keys");
const model = (change: Partial<TwoKeys>) => twoKeysModel({ ...twoKeys, ...change });
const without = (rules: Partial<Rules>) => model({ rules: { ...twoKeys.rules, ...rules } });

export const twoKeysRuns: readonly Run[] = [
  holds("batch", "two transactions over A and B; A is read, and changed by 2 and by 1", model({ inFlight: 2 })),
  holds("other", "the same with B read, changed by 1 each", model({ read: ["B"], inFlight: 2 })),
];

export const twoKeysMutants: readonly Run[] = [
  mutant(
    "unsortedLocks",
    "locks in the order in which code comes upon them",
    /^deadlock/,
    without({ sortedLocks: false }),
  ),
  mutant("markOneKeyOnly", "commits when one of two marks is answered", /^stale/, without({ awaitAllMarks: false })),
  mutant("noDirty", "no dirty row for the object whose mark was not answered", /^stale/, without({ dirtyRows: false })),
  mutant(
    "postWithoutContiguity",
    "POST of a batch appends to any older version",
    /^wrong/,
    model({ scripts: postWithoutContiguity }),
  ),
];

/** Minutes, not seconds: by `npm run model -- --deep`. */
export const twoKeysDeep: readonly Run[] = [
  holds("both read", "A and B read at once, 3 messages on their way", twoKeysModel({ ...twoKeys, read: ["A", "B"] })),
];
