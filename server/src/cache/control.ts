import { every } from "../platform/periodic-task.ts";
import type { Redis } from "../platform/redis/redis.ts";
import type { ControlStore, DirtyRow, ControlState } from "./control-store.ts";
import { createModeSwitch } from "./mode-switch.ts";
import type { CacheTiming } from "./timing.ts";

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
  times: Pick<CacheTiming, "pollMs" | "idleMs" | "freshMs">;
  /** Monotonic, in ms. */
  now: () => number;
  /** Kills the keys in Redis; the ids of those that are dead. */
  relay: (rows: readonly DirtyRow[], epoch: number) => Promise<readonly number[]>;
  /** What was kept is of another epoch. `isOtherRun`: this is another run of the database, which may give out versions again. */
  onEpoch: (change: { isOtherRun: boolean }) => void;
  onError: (error: unknown) => void;
}

/** Starts polling at once; resolves after the first look. A node without Redis looks too: others may have left the cache on. */
export async function startControl(deps: ControlDeps): Promise<CacheControl> {
  const { store, redis, now, times } = deps;
  let shared: ControlState | undefined;
  /** When the poll that gave `shared` began. */
  let seenAt = Number.NEGATIVE_INFINITY;
  let beatAt = Number.NEGATIVE_INFINITY;

  /** Whether this node reaches the Redis that all use. */
  const isCurrentRedis = (): boolean =>
    redis?.usable === true && redis.identity !== undefined && redis.identity === shared?.redis_identity;

  const decide = createModeSwitch({ store, redis, now, isCurrentRedis });

  function adopt(next: ControlState, at: number): void {
    // Looks may overtake each other.
    if (at < seenAt) return;
    const last = shared;
    shared = next;
    seenAt = at;
    if (last === undefined) return;
    const isOtherRun = next.pg_now !== last.pg_now;
    if (isOtherRun || next.epoch !== last.epoch) deps.onEpoch({ isOtherRun });
  }

  async function relay(seen: ControlState): Promise<void> {
    if (seen.dirty.length === 0 || seen.mode === "off") return;
    const identity = redis?.identity;
    const marked = await deps.relay(seen.dirty, seen.epoch);
    // Marks in another Redis than the one that is meant are worth nothing.
    const isMeant = identity === seen.redis_identity && redis?.identity === identity && isCurrentRedis();
    if (marked.length > 0 && isMeant) await store.removeDirty(marked, seen.pg_now);
  }

  async function poll(): Promise<void> {
    const at = now();
    const seen = await store.poll();
    adopt(seen, at);
    await relay(seen);
    if (redis !== undefined && at - beatAt >= 1_000) {
      beatAt = at;
      await store.beat(deps.nodeId, isCurrentRedis());
    }
    await decide(seen);
  }

  // A Redis that is not the one all others use must be theirs first; without the database nobody can tell.
  redis?.onReady(async (identity) => {
    await store.claim(identity);
    const at = now();
    const seen = await store.poll();
    adopt(seen, at);
    // Nothing can be marked yet, but dirty rows must be known before anything is read.
    await relay(seen);
    return true;
  });
  const loop = every(redis === undefined ? times.idleMs : times.pollMs, poll, deps.onError);
  await loop.runNow();
  return {
    readEpoch: () => (isCurrentRedis() && now() - seenAt <= times.freshMs ? epochToRead(shared) : undefined),
    writeEpoch: () => (shared?.mode === "on" && isCurrentRedis() ? shared.epoch : null),
    state: () => ({ epoch: shared?.epoch ?? 0, mode: shared?.mode ?? "off", dirty: shared?.dirty_count ?? 0 }),
    poll: () => loop.runNow(),
    [Symbol.asyncDispose]: () => loop[Symbol.asyncDispose](),
  };
}

/** undefined: nobody may read now. What is noted must be known to the last row, and the epoch be made for this run of the database. */
function epochToRead(shared: ControlState | undefined): number | undefined {
  if (shared?.mode !== "on" || shared.dirty_count > shared.dirty.length) return undefined;
  return shared.pg_now === shared.pg_run ? shared.epoch : undefined;
}
