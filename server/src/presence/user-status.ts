import type { UserStatusFrame } from "@om/protocol";
import type { Bus } from "../delivery/bus.ts";
import { frameOf } from "../delivery/push.ts";
import type { PresenceStore } from "./presence-store.ts";

/** How long a user may be away without being told as gone, in ms: a phone that changes networks comes back at once. */
const grace = 5_000;
/** How many of a user's latest peers are told. */
const maxPeers = 500;

/** Tells a user's direct peers who are connected that the user came or went. */
export function createUserStatus(deps: {
  store: PresenceStore;
  bus: Bus;
  isOnline: (userId: number) => boolean;
  failure: (error: unknown) => void;
}): { changed(userId: number, online: boolean): void } & Disposable {
  const leaving = new Map<number, ReturnType<typeof setTimeout>>();

  async function tell(userId: number, isOnline: boolean): Promise<void> {
    const userIds = await deps.store.peers(userId, maxPeers);
    // Whoever came or went meanwhile is told by the later change.
    if (userIds.length === 0 || deps.isOnline(userId) !== isOnline) return;
    const frame: UserStatusFrame = { type: "user_status", user_id: userId, is_online: isOnline };
    deps.bus.publish([{ userIds, frame: frameOf(JSON.stringify(frame)), to: "all" }]);
  }

  return {
    changed(userId, online) {
      const pending = leaving.get(userId);
      clearTimeout(pending);
      leaving.delete(userId);
      if (online && pending === undefined) void tell(userId, true).catch(deps.failure);
      if (online) return;
      const timer = setTimeout(() => {
        leaving.delete(userId);
        void tell(userId, false).catch(deps.failure);
      }, grace);
      leaving.set(userId, timer);
    },
    [Symbol.dispose]() {
      for (const timer of leaving.values()) clearTimeout(timer);
      leaving.clear();
    },
  };
}
