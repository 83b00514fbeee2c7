import { modes, modesModel, type Rules } from "./modes.ts";
import { runsOf, type Run } from "./run.ts";

const { holds, mutant } = runsOf("modes");
const ruled = (rules: Partial<Rules>, freshFor = modes.freshFor) =>
  modesModel({ ...modes, freshFor, rules: { ...modes.rules, ...rules } });

export const modesRuns: readonly Run[] = [
  holds("polls", "off and on again; writers go by their last poll", ruled({})),
  holds("one poll's worth", "writers skip marks after one poll's worth of off, not two", ruled({ skipAfter: 1 }, 1)),
  holds(
    "transaction",
    "writers read the switch under the lock: no warming needed",
    ruled({ goBy: "transaction", warming: false }, 1),
  ),
];

export const modesMutants: readonly Run[] = [
  mutant("noWarming", "from off straight to on", /^stale/, ruled({ warming: false })),
  mutant("skipMarksTooEarly", "no marks as soon as off is seen", /^stale/, ruled({ skipAfter: 0 })),
  mutant(
    "decideBeforeLock",
    "a writer settles on no mark, then waits for the lock",
    /^stale/,
    ruled({ decide: "before the lock" }, 1),
  ),
];
