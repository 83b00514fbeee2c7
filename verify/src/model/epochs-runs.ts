import { epochs, type Epochs, type Rules } from "./epochs-state.ts";
import { epochsModel } from "./epochs.ts";
import { epochIgnored, leaseKeepsBody } from "./mutants.ts";
import { runsOf, type Run } from "./run.ts";

const { holds, mutant } = runsOf("epochs");
const model = (change: Partial<Epochs>) => epochsModel({ ...epochs, ...change });
const without = (rules: Partial<Rules>, change: Partial<Epochs>) =>
  model({ ...change, rules: { ...epochs.rules, ...rules } });

/** One commit before or after the fault, and polls that count for less than one tick. */
const small: Partial<Epochs> = { commits: 1, freshFor: 1 };

export const epochsRuns: readonly Run[] = [
  holds("slow polls", "dirty rows, floors and polls whose answers take time", model({ commits: 1, slowPolls: true })),
  holds("restart", "Redis comes back with an old copy", model({ commits: 1, restarts: 1 })),
  holds(
    "failover",
    "a lagging replica takes over, one node may stay with the old primary",
    model({ ...small, failovers: 1 }),
  ),
  holds(
    "lost commits",
    "PostgreSQL fails over; versions are given out again",
    model({ ...small, nodes: 1, commits: 2, lostCommits: 1 }),
  ),
  holds("both", "Redis restarts and PostgreSQL fails over", model({ ...small, restarts: 1, lostCommits: 1 })),
];

export const epochsMutants: readonly Run[] = [
  mutant(
    "epochIgnored",
    "entries of any epoch are served",
    /^stale/,
    model({ ...small, restarts: 1, scripts: epochIgnored }),
  ),
  mutant(
    "leaseKeepsBody",
    "LEASE takes over an old entry with its body",
    /^stale/,
    model({ ...small, restarts: 1, scripts: leaseKeepsBody }),
  ),
  mutant(
    "noFence",
    "a write marked in the old Redis counts in the new one",
    /^stale:/,
    without({ fence: "none" }, { ...small, failovers: 1 }),
  ),
  mutant(
    "fenceBeforeLock",
    "the transaction reads the epoch, then waits for its lock",
    /^stale:/,
    without({ fence: "epoch read before the lock" }, { ...small, failovers: 1 }),
  ),
  mutant(
    "fenceIgnoresLife",
    "a change is appended to what PostgreSQL has lost",
    /^wrong/,
    without({ fenceSeesLife: false }, { ...small, nodes: 1, commits: 3, lostCommits: 1 }),
  ),
  mutant(
    "epochsCounted",
    "the next epoch is the last one plus 1",
    /^stale/,
    without({ drawnForEachLife: false }, { ...small, restarts: 1, lostCommits: 1 }),
  ),
  mutant(
    "pollsForever",
    "a node without a fresh poll goes on reading Redis",
    /^stale for too long/,
    without({ pollsExpire: false }, { ...small, failovers: 1 }),
  ),
  mutant(
    "pollFromAnswer",
    "a poll ages from its answer on",
    /^stale for too long/,
    without({ pollsAge: "from the answer" }, { commits: 1, slowPolls: true }),
  ),
  mutant(
    "noFloors",
    "a node serves versions below a dirty row that it has seen",
    /^stale for too long/,
    without({ floors: false }, small),
  ),
  mutant(
    "l1IgnoresEpoch",
    "a decoded object is used by its version alone",
    /^stale:/,
    without({ l1ComparesEpochs: false }, { ...small, nodes: 1, commits: 2, lostCommits: 1, l1: true }),
  ),
  mutant(
    "sameRunId",
    "an old copy comes back under the same run id",
    /^stale:/,
    model({ ...small, silentRollbacks: 1 }),
  ),
];

/** Minutes, not seconds: by `npm run model -- --deep`. */
export const epochsDeep: readonly Run[] = [
  holds("lost commits, 3", "PostgreSQL fails over; 3 commits", model({ ...small, commits: 3, lostCommits: 1 })),
  holds("failover, 2", "a lagging replica takes over; 2 commits", model({ ...small, commits: 2, failovers: 1 })),
];
