import type { UserStatusFrame } from "@om/protocol";
import type { LookUpPresence } from "../accounts/user-view.ts";
import type { Bus } from "../delivery/bus.ts";
import { frameOf } from "../delivery/push.ts";
import { createSemaphore } from "../platform/semaphore.ts";
import { OmError } from "../platform/om-error.ts";
import type { PresenceStore } from "./presence-store.ts";
import type { PresenceChange } from "./presence.ts";

/** How many of a user's latest peers are told. */
const maxPeers = 500;
/** Changes that are told at once, and that may wait for it: when thousands leave in one moment, the rest is left out. */
const parallel = 4;
const maxWaiting = 10_000;

/** Tells a user's direct peers who are connected that the user came or went. */
export function createUserStatus(deps: {
  store: Pick<PresenceStore, "peers">;
  bus: Bus;
  lookup: LookUpPresence;
  failure: (error: unknown) => void;
}): (change: PresenceChange) => void {
  const semaphore = createSemaphore({ parallel, maxWaiting });

  async function notify(userId: number, isOnline: boolean): Promise<void> {
    const userIds = await deps.store.peers(userId, maxPeers);
    if (userIds.length === 0) return;
    const online = await deps.lookup([userId]);
    // Whoever came or went meanwhile is told by the later change.
    if (online(userId) !== isOnline) return;
    const frame: UserStatusFrame = { type: "user_status", user_id: userId, is_online: isOnline };
    deps.bus.publish([{ userIds, frame: frameOf(() => frame), to: "all" }]);
  }

  return ({ userId, online }) =>
    void semaphore
      .run(() => notify(userId, online))
      .catch((error: unknown) => {
        if (!(error instanceof OmError)) deps.failure(error);
      });
}
