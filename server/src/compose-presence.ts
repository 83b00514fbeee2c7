import type { CacheWrites } from "./cache/write-marks.ts";
import type { Bus } from "./delivery/bus.ts";
import type { Hub } from "./delivery/hub.ts";
import type { Clock } from "./platform/clock.ts";
import type { Database } from "./platform/postgres/database.ts";
import { createLastSeen } from "./presence/last-seen.ts";
import { createLocalPresence } from "./presence/local-presence.ts";
import { presenceStore } from "./presence/presence-store.ts";
import type { Presence } from "./presence/presence.ts";
import { createUserStatus } from "./presence/user-status.ts";

/** Who is there: asked by views, told to peers, and remembered when they left. */
export interface PresenceParts extends Pick<Presence, "lookup" | "heard" | "count">, AsyncDisposable {
  /** Writes what is to be remembered. */
  flush: () => Promise<void>;
}

/** How long a user may be away without being told as gone, in ms. */
const graceMs = 5_000;

export function composePresence(deps: {
  db: Database;
  writes: CacheWrites;
  bus: Bus;
  hub: Hub;
  now: Clock;
  failure: (error: unknown) => void;
}): PresenceParts {
  const { db, bus, hub, now, failure } = deps;
  const presence = createLocalPresence({ graceMs });
  const lastSeen = createLastSeen({ writes: deps.writes, now });
  const { lookup, heard, count } = presence;
  hub.onPresence((userId, online) => {
    if (online) return presence.came(userId);
    lastSeen.note(userId);
    presence.went(userId);
  });
  presence.onChange(createUserStatus({ store: presenceStore(db), bus, lookup, failure }));
  presence.onChange(({ userId, unseen }) => unseen === true && lastSeen.note(userId));
  return {
    lookup,
    heard,
    count,
    flush: () => lastSeen.flush(),
    async [Symbol.asyncDispose]() {
      await presence[Symbol.asyncDispose]();
      await lastSeen.flush();
    },
  };
}
