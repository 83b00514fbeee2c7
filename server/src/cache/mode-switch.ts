import type { Redis } from "../platform/redis/redis.ts";
import type { ControlStore, ControlState } from "./control-store.ts";

/** Polls in a row with a usable Redis before the cache is turned on. */
const goodPolls = 3;
/** For how long no node may reach the Redis that is meant before the cache is turned off, in ms. */
const offAfter = 2_000;
/** After so long in ms without a cache, what was noted before is needless. */
const forgetAfter = 5_000;
const maxDirty = 50_000;

/** Turns the cache on or off when it is time, one look after the other; whoever comes second changes nothing. */
export function createModeSwitch(deps: {
  store: ControlStore;
  redis: Redis | undefined;
  /** Monotonic, in ms. */
  now: () => number;
  /** Whether this node reaches the Redis that all use. */
  isCurrentRedis: () => boolean;
}): (seen: ControlState) => Promise<void> {
  const { store, redis, now, isCurrentRedis } = deps;
  let good = 0;
  let reachedAt = now();
  return async (seen) => {
    good = redis?.usable === true ? good + 1 : 0;
    if (isCurrentRedis()) reachedAt = now();
    if (seen.pg_now !== seen.pg_run) await store.newRun(seen.pg_run);
    const hasTooManyDirty = seen.dirty_count > maxDirty;
    if (seen.mode === "on") {
      if (hasTooManyDirty || (now() - reachedAt > offAfter && !seen.any_node_ok)) await store.turnOff();
    } else if (seen.dirty_count > 0 && seen.mode_age > forgetAfter) {
      await store.forgetDirty();
    } else if (good >= goodPolls && redis?.identity !== undefined && !hasTooManyDirty) {
      await store.turnOn(redis.identity);
    }
  };
}
