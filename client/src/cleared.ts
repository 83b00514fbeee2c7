import type { ClearedEvent } from "./connection-events.ts";

/** How much of each conversation was deleted for the user; it only grows. */
export interface Cleared {
  take(event: ClearedEvent): void;
  covers(conversationId: string, seq: number): boolean;
}

export function createCleared(tell: (event: ClearedEvent) => void): Cleared {
  const known = new Map<string, number>();
  return {
    take(event) {
      if (event.seq <= (known.get(event.conversationId) ?? 0)) return;
      known.set(event.conversationId, event.seq);
      tell(event);
    },
    covers: (conversationId, seq) => seq <= (known.get(conversationId) ?? 0),
  };
}
