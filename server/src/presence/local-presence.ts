import { createGrace } from "./grace.ts";
import type { Presence, PresenceChange } from "./presence.ts";

/** Presence of a single node: exact at every moment. @param options.graceMs before a user who left is told as gone */
export function createLocalPresence(options: { graceMs: number }): Presence {
  const here = new Set<number>();
  const listeners: ((change: PresenceChange) => void)[] = [];
  const tell = (userId: number, online: boolean): void => {
    for (const listener of listeners) listener({ userId, online });
  };
  const grace = createGrace(options.graceMs, (userId) => tell(userId, false));
  return {
    came(userId) {
      here.add(userId);
      if (!grace.back(userId)) tell(userId, true);
    },
    went(userId) {
      here.delete(userId);
      grace.leave(userId);
    },
    heard: () => undefined,
    lookup: async () => (userId) => here.has(userId),
    count: async () => here.size,
    onChange: (listener) => void listeners.push(listener),
    async [Symbol.asyncDispose]() {
      grace[Symbol.dispose]();
    },
  };
}
