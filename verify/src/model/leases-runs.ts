import { leases, leasesModel, type Rules } from "./leases.ts";
import { runsOf, type Run } from "./run.ts";

const { holds, mutant } = runsOf("leases");
const ruled = (rules: Partial<Rules>) => leasesModel({ ...leases, rules: { ...leases.rules, ...rules } });

export const leasesRuns: readonly Run[] = [
  holds("no dirty rows", "an unanswered mark turns the cache off, and its writer waits for the leases", ruled({})),
];

export const leasesMutants: readonly Run[] = [
  mutant("noWait", "a writer commits as soon as the cache is off", /^stale/, ruled({ wait: 0 })),
  mutant("onTooSoon", "the cache goes on again before all leases of before are over", /^stale/, ruled({ offFor: 0 })),
  mutant("leaseFromAnswer", "a lease begins with the answer of its poll", /^stale/, ruled({ leasedFrom: "answer" })),
  mutant("saysTooSoon", "a node says that it does not read, and hears of it later", /^stale/, ruled({ says: "asked" })),
  mutant("slowClock", "a node's clock is slower than the waiting writer's by a tick", /^stale/, ruled({ slow: 1 })),
];
