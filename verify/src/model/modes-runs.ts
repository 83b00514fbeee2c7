import { modes, modesModel, type Rules } from "./modes.ts";
import { runsOf, type Run } from "./run.ts";

const { holds, mutant } = runsOf("modes");
const ruled = (rules: Partial<Rules>, freshFor = modes.freshFor) =>
  modesModel({ ...modes, freshFor, rules: { ...modes.rules, ...rules } });

export const modesRuns: readonly Run[] = [
  holds("off and on again", "writers read the switch under the lock", ruled({})),
];

export const modesMutants: readonly Run[] = [
  mutant("believesPoll", "a writer goes by its last poll", /^stale/, ruled({ goBy: "poll" })),
  mutant("skipMarksTooEarly", "no marks as soon as off is seen", /^stale/, ruled({ skipAfter: 0 })),
  mutant(
    "decideBeforeLock",
    "a writer settles on no mark, then waits for the lock",
    /^stale/,
    ruled({ decide: "before the lock" }, 1),
  ),
];
