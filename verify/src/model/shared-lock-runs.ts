import { runsOf, type Run } from "./run.ts";
import { sharedLock, sharedLockModel } from "./shared-lock.ts";

const { holds, mutant } = runsOf("shared lock");

export const sharedLockRuns: readonly Run[] = [
  holds("kill only", "3 writers under way at once", sharedLockModel(sharedLock)),
];

export const sharedLockMutants: readonly Run[] = [
  mutant(
    "noProbe",
    "a reader fills while writers are under way",
    /^stale/,
    sharedLockModel({ ...sharedLock, rules: { ...sharedLock.rules, probe: false } }),
  ),
  mutant(
    "drawBeforeLock",
    "a writer draws its version before it holds the lock",
    /^stale/,
    sharedLockModel({ ...sharedLock, rules: { ...sharedLock.rules, drawUnderLock: false } }),
  ),
];
