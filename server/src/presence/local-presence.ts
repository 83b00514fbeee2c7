import { createGrace } from "./grace.ts";
import type { Presence, PresenceChange } from "./presence.ts";

/** Presence of a single node: exact at every moment. @param options.graceMs before a user who left is told as gone */
export function createLocalPresence(options: { graceMs: number }): Presence {
  const local = new Set<number>();
  let changes = 0;
  const listeners: ((change: PresenceChange) => void)[] = [];
  const notify = (userId: number, online: boolean): void => {
    for (const listener of listeners) listener({ userId, online });
  };
  const grace = createGrace(options.graceMs, (userId) => notify(userId, false));
  return {
    userConnected(userId) {
      local.add(userId);
      changes += 1;
      if (!grace.cancel(userId)) notify(userId, true);
    },
    userDisconnected(userId) {
      local.delete(userId);
      changes += 1;
      grace.start(userId);
    },
    userActive: () => undefined,
    changes: () => changes,
    maxAgeMs: Number.POSITIVE_INFINITY,
    lookup: async () => (userId) => local.has(userId),
    count: async () => local.size,
    onChange: (listener) => void listeners.push(listener),
    async [Symbol.asyncDispose]() {
      grace[Symbol.dispose]();
    },
  };
}
