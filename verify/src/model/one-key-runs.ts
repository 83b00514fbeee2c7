import {
  compactAnyVersion,
  fillByVersion,
  fillKeepsPend,
  markKeepsLease,
  postCreates,
  postWithoutContiguity,
  releaseCleans,
} from "./mutants.ts";
import { oneKey, type OneKey, type Rules } from "./one-key-state.ts";
import { oneKeyModel } from "./one-key.ts";
import { runsOf, type Run } from "./run.ts";

const { holds, mutant } = runsOf("one key");
const model = (change: Partial<OneKey>) => oneKeyModel({ ...oneKey, ...change });
const without = (rules: Partial<Rules>, change: Partial<OneKey> = {}) =>
  model({ ...change, rules: { ...oneKey.rules, ...rules } });

export const oneKeyRuns: readonly Run[] = [
  holds("strict", "every commit has its mark answered; 3 commits", model({ commits: 3 })),
  holds("degraded", "commits without an answered mark, dirty rows, relay", model({ degraded: true, inFlight: 2 })),
  holds("memory", "a node's decoded object, compaction", model({ l1: true, compact: true, inFlight: 2 })),
  holds("all tokens", "nothing dropped: late fills stay on their way", model({ forgetDeadTokens: false, inFlight: 2 })),
  holds(
    "release",
    "leases that are given back need no end, if no reader dies",
    without({ leasesExpire: false }, { readersReliable: true }),
  ),
];

export const oneKeyMutants: readonly Run[] = [
  mutant("noProbe", "a lease alone lets a reader fill", /^stale/, without({ probe: false })),
  mutant("readBeforeProbe", "the snapshot is older than the probe", /^stale/, without({ probeBeforeRead: false })),
  mutant("noMark", "commits without any MARK", /^stale/, without({ mark: false })),
  mutant("markBeforeLock", "MARK is sent before the lock is held", /^stale/, without({ lockBeforeMark: false })),
  mutant(
    "noDirty",
    "an unanswered MARK leaves no dirty row",
    /^stale/,
    without({ dirtyRows: false }, { degraded: true }),
  ),
  mutant(
    "relayDeletesBeforeKill",
    "a relay deletes the row when it has sent KILL",
    /^stale/,
    without({ killBeforeDelete: false }, { degraded: true }),
  ),
  mutant("forcedFillWithoutProbe", "a lease to refresh is never probed", /^stale/, without({ probeRefresh: false })),
  mutant(
    "l1WithoutHeader",
    "a node shows what it keeps without asking",
    /^stale/,
    without({ compareHeader: false }, { l1: true }),
  ),
  mutant("leaseForever", "a lease is never taken over", /^stuck/, without({ leasesExpire: false })),
  mutant(
    "noRelease",
    "a lease of a reader that gives up is left to its end",
    /^stuck/,
    without({ leasesExpire: false, release: false }, { readersReliable: true }),
  ),
  mutant("releaseCleans", "RELEASE takes back the mark as well", /^stale/, model({ scripts: releaseCleans })),
  mutant(
    "noLease",
    "FILL compares versions instead of tokens",
    /^stale/,
    model({ scripts: fillByVersion, forgetDeadTokens: false, inFlight: 2 }),
  ),
  mutant("markKeepsLease", "MARK leaves the token", /^stale/, model({ scripts: markKeepsLease })),
  mutant("postCreates", "POST makes an entry", /^(stale|wrong)/, model({ scripts: postCreates })),
  mutant(
    "postWithoutContiguity",
    "POST appends to any older version",
    /^wrong/,
    model({ scripts: postWithoutContiguity }),
  ),
  mutant(
    "fillKeepsPend",
    "FILL does not lower what an aborted write raised",
    /^stuck/,
    model({ scripts: fillKeepsPend }),
  ),
  mutant(
    "compactAnyVersion",
    "COMPACT does not compare the version",
    /^stale/,
    model({ scripts: compactAnyVersion, compact: true }),
  ),
];

/** By `npm run model -- --deep`. */
export const oneKeyDeep: readonly Run[] = [
  holds("strict, 4 messages", "the same with one more on the way", model({ commits: 3, inFlight: 4 })),
];
