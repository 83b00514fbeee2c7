import type { UserStatusFrame } from "@om/protocol";
import type { LookUpPresence } from "../accounts/user-view.ts";
import { createLanes } from "../conversations/write-lanes.ts";
import type { Bus } from "../delivery/bus.ts";
import { frameOf } from "../delivery/push.ts";
import { monotonic } from "../platform/clock.ts";
import { OmError } from "../platform/om-error.ts";
import type { PresenceStore } from "./presence-store.ts";
import type { PresenceChange } from "./presence.ts";

/** How many of a user's latest peers are told. */
const maxPeers = 500;
/** Changes that are told together, and that may wait for it: when thousands leave in one moment, the rest is left out. */
const bounds = { lanes: 1, maxBatch: 100, maxWaiting: 10_000, maxWaitMs: 30_000 };

/** Tells a user's direct peers who are connected that the user came or went. */
export function createUserStatus(deps: {
  store: Pick<PresenceStore, "peers">;
  bus: Bus;
  lookup: LookUpPresence;
  failure: (error: unknown) => void;
}): (change: PresenceChange) => void {
  async function tell(changes: PresenceChange[]): Promise<void[]> {
    const users = changes.map(({ userId }) => userId);
    const peers = await deps.store.peers(users, maxPeers);
    const online = await deps.lookup(users);
    const pushes = changes.flatMap(({ userId, online: isOnline }, i) => {
      const userIds = peers[i] ?? [];
      // Whoever came or went meanwhile is told by the later change.
      if (userIds.length === 0 || online(userId) !== isOnline) return [];
      const frame: UserStatusFrame = { type: "user_status", user_id: userId, is_online: isOnline };
      return [{ userIds, frame: frameOf(() => frame), to: "all" as const }];
    });
    deps.bus.publish(pushes);
    return [];
  }
  const lanes = createLanes({ ...bounds, now: monotonic, execute: tell });

  return (change) =>
    void lanes.run(0, change).catch((error: unknown) => {
      if (!(error instanceof OmError)) deps.failure(error);
    });
}
