import type { CacheWrites } from "./cache/write-marks.ts";
import type { Bus } from "./delivery/bus.ts";
import type { Hub } from "./delivery/hub.ts";
import type { Clock } from "./platform/clock.ts";
import type { Database } from "./platform/postgres/database.ts";
import { createLastSeen } from "./presence/last-seen.ts";
import { presenceStore } from "./presence/presence-store.ts";
import { createUserStatus } from "./presence/user-status.ts";

/** Who is there is told to peers, and who left is remembered. */
export interface Presence extends AsyncDisposable {
  /** Writes what is to be remembered. */
  flush: () => Promise<void>;
}

export function composePresence(deps: {
  db: Database;
  writes: CacheWrites;
  bus: Bus;
  hub: Hub;
  now: Clock;
  failure: (error: unknown) => void;
}): Presence {
  const { db, bus, hub, now, failure } = deps;
  const lastSeen = createLastSeen({ writes: deps.writes, now });
  const status = createUserStatus({ store: presenceStore(db), bus, isOnline: hub.isOnline, failure });
  hub.onPresence((userId, online) => online || lastSeen.note(userId));
  hub.onPresence(status.changed);
  return {
    flush: () => lastSeen.flush(),
    async [Symbol.asyncDispose]() {
      status[Symbol.dispose]();
      await lastSeen.flush();
    },
  };
}
