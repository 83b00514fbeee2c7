import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { CacheWrites } from "../cache/cache-writes.ts";
import type { Bus } from "../delivery/bus.ts";
import type { Hub } from "../delivery/hub.ts";
import type { Clock } from "../platform/clock.ts";
import type { FrameHandlers } from "../platform/frame-handlers.ts";
import type { Database, Queries } from "../platform/postgres/database.ts";
import type { Redis } from "../platform/redis/redis.ts";
import { createLastSeen } from "./last-seen.ts";
import { createLocalPresence } from "./local-presence.ts";
import { presenceCounter, presenceKeys } from "./presence-keys.ts";
import { presenceRows } from "./presence-rows.ts";
import { presenceStore } from "./presence-store.ts";
import type { Presence } from "./presence.ts";
import { SharedPresence } from "./shared-presence.ts";
import { createTyping } from "./typing.ts";
import { createUserStatus } from "./user-status.ts";

interface Deps {
  db: Database;
  writes: CacheWrites;
  bus: Bus;
  hub: Hub;
  redis: Redis | undefined;
  /** Keeps presence where there is no Redis; undefined: this node is the only one. */
  aside: Queries | undefined;
  isAlone: () => boolean;
  now: Clock;
  failure: (error: unknown) => void;
}

/** Who is there: asked by views, told to peers, and remembered when they left. */
export function composePresence(deps: Deps) {
  const { db, bus, hub, redis, now, failure } = deps;
  const store = presenceStore(db);
  const presence = openPresence(deps);
  const lastSeen = createLastSeen({ writes: deps.writes, now });
  const lookup: Presence["lookup"] = (userIds) => presence.lookup(userIds);
  hub.onPresence((userId, online) => {
    if (online) return presence.userConnected(userId);
    lastSeen.record(userId);
    presence.userDisconnected(userId);
  });
  presence.onChange(createUserStatus({ store, bus, lookup, failure }));
  presence.onChange(({ userId, nodeDied }) => nodeDied === true && lastSeen.record(userId));
  return {
    frames: {
      typing: createTyping({ store, bus, now }),
    } satisfies Partial<FrameHandlers>,
    source: {
      lookup,
      counter: redis === undefined ? "" : presenceCounter(redis),
      changes: () => presence.changes(),
      maxAgeMs: presence.maxAgeMs,
    },
    userActive: (userId: number) => presence.userActive(userId),
    count: () => presence.count(),
    /** Writes what is to be remembered. */
    flush: () => lastSeen.flush(),
    async [Symbol.asyncDispose](): Promise<void> {
      await presence[Symbol.asyncDispose]();
      await lastSeen.flush();
    },
  };
}

/** How long Redis may take in the background, and PostgreSQL for a look-up, in ms. */
const callTimeoutMs = 250;

function openPresence({ db, redis, aside, isAlone, failure }: Deps): Presence {
  const own = { newNode: () => `${hostname()}-${randomUUID()}`, failure };
  if (redis !== undefined)
    return new SharedPresence({ ...own, register: presenceKeys(redis, callTimeoutMs), place: redis });
  if (aside === undefined) return createLocalPresence({ graceMs: 5_000 });
  // What is written stays, so nothing is written again.
  const timing = { lookupMs: callTimeoutMs, minRewriteMs: Number.POSITIVE_INFINITY };
  return new SharedPresence({ ...own, register: presenceRows({ db, aside, isAlone }), timing });
}
