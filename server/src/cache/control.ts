import { every } from "../platform/background.ts";
import type { Redis } from "../platform/redis/redis.ts";
import type { ControlStore, DirtyRow, Shared } from "./control-store.ts";
import type { CacheTimes } from "./times.ts";

/** Polls in a row with a usable Redis before the cache is turned on. */
const goodPolls = 3;
/** For how long no node may reach Redis before the cache is turned off, in ms. */
const offAfter = 2_000;
const maxDirty = 50_000;

/** What this node knows of the epoch, kept fresh by polling PostgreSQL. */
export interface CacheControl extends AsyncDisposable {
  /** The epoch in which entries may be served and filled; undefined: Redis must not be read now. */
  readEpoch(): number | undefined;
  /** The epoch under which marks are made; null: none can be. The transaction itself checks that it is the present one. */
  writeEpoch(): number | null;
  /** The last known state, for metrics. */
  state(): { epoch: number; mode: "on" | "off"; dirty: number };
  /** Looks now; resolves when done. */
  poll(): Promise<void>;
}

export interface ControlDeps {
  store: ControlStore;
  redis: Redis | undefined;
  nodeId: string;
  times: Pick<CacheTimes, "pollMs" | "freshMs">;
  /** Monotonic, in ms. */
  now: () => number;
  /** Kills the keys in Redis; the ids of those that are dead. */
  relay: (rows: readonly DirtyRow[], epoch: number) => Promise<readonly number[]>;
  /** The epoch changed: whatever was known of versions may not hold any more. */
  onEpoch: () => void;
  onError: (error: unknown) => void;
}

/** Starts polling at once; resolves after the first look. */
export async function startControl(deps: ControlDeps): Promise<CacheControl> {
  const { store, redis, now, times } = deps;
  let shared: Shared | undefined;
  /** When the poll that gave `shared` began. */
  let seenAt = Number.NEGATIVE_INFINITY;
  let good = 0;
  let usableAt = now();
  let beatAt = Number.NEGATIVE_INFINITY;

  const isOurs = (): boolean => redis?.usable === true && redis.runId !== undefined && redis.runId === shared?.run_id;

  function see(next: Shared, at: number): void {
    if (shared !== undefined && next.epoch !== shared.epoch) deps.onEpoch();
    shared = next;
    seenAt = at;
  }

  /** Turns the cache on or off when it is time; whoever comes second changes nothing. */
  async function decide(seen: Shared): Promise<void> {
    good = redis?.usable === true ? good + 1 : 0;
    if (good > 0) usableAt = now();
    if (seen.pg_now !== seen.pg_start) await store.newRun(seen.pg_start);
    if (seen.mode === "off") {
      if (good >= goodPolls && redis?.runId !== undefined) await store.turnOn(redis.runId);
      else if (seen.dirty_count > 0 && seen.mode_age > 5_000) await store.forgetDirty();
    } else if (seen.dirty_count > maxDirty || (now() - usableAt > offAfter && !seen.somebody_ok)) {
      await store.turnOff();
    }
  }

  async function relay(seen: Shared): Promise<void> {
    if (seen.dirty.length === 0 || seen.mode === "off") return;
    const killed = await deps.relay(seen.dirty, seen.epoch);
    if (killed.length > 0 && isOurs()) await store.removeDirty(killed);
  }

  async function poll(): Promise<void> {
    const at = now();
    const seen = await store.poll();
    see(seen, at);
    await relay(seen);
    if (redis !== undefined && at - beatAt >= 1_000) {
      beatAt = at;
      await store.beat(deps.nodeId, redis.usable);
    }
    await decide(seen);
  }

  // A Redis that is not the one all others use must be theirs first; without the database nobody can tell.
  redis?.onReady(async (runId) => {
    await store.claim(runId);
    const at = now();
    see(await store.poll(), at);
    return true;
  });
  const loop = every(times.pollMs, poll, deps.onError);
  await loop.runNow();
  return {
    readEpoch() {
      if (shared?.mode !== "on" || now() - seenAt > times.freshMs || !isOurs()) return undefined;
      return shared.epoch;
    },
    writeEpoch: () => (shared?.mode === "on" && isOurs() ? shared.epoch : null),
    state: () => ({ epoch: shared?.epoch ?? 0, mode: shared?.mode ?? "off", dirty: shared?.dirty_count ?? 0 }),
    poll: () => loop.runNow(),
    [Symbol.asyncDispose]: () => loop[Symbol.asyncDispose](),
  };
}
