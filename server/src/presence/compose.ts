import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { CacheWrites } from "../cache/cache-writes.ts";
import type { Bus } from "../delivery/bus.ts";
import type { Hub } from "../delivery/hub.ts";
import type { Clock } from "../platform/clock.ts";
import type { FrameHandlers } from "../platform/frame-handlers.ts";
import type { Database } from "../platform/postgres/database.ts";
import type { Redis } from "../platform/redis/redis.ts";
import { createLastSeen } from "./last-seen.ts";
import { createLocalPresence } from "./local-presence.ts";
import { presenceCounter } from "./presence-keys.ts";
import { presenceStore } from "./presence-store.ts";
import type { Presence } from "./presence.ts";
import { RedisPresence } from "./redis-presence.ts";
import { createTyping } from "./typing.ts";
import { createUserStatus } from "./user-status.ts";

/** Who is there: asked by views, told to peers, and remembered when they left. */
export function composePresence(deps: {
  db: Database;
  writes: CacheWrites;
  bus: Bus;
  hub: Hub;
  /** Undefined: this node is the only one. */
  redis: Redis | undefined;
  now: Clock;
  failure: (error: unknown) => void;
}) {
  const { db, bus, hub, redis, now, failure } = deps;
  const store = presenceStore(db);
  const newNode = (): string => `${hostname()}-${randomUUID()}`;
  const presence =
    redis === undefined ? createLocalPresence({ graceMs: 5_000 }) : new RedisPresence({ redis, newNode, failure });
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
      typing: createTyping({ store, bus, now: Date.now }),
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
