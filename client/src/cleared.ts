import type { ClearedEvent } from "./connection-events.ts";

/** How much of each conversation was deleted for the user; it only grows. */
export interface Cleared {
  apply(event: ClearedEvent): void;
  covers(conversationId: string, seq: number): boolean;
}

export function createCleared(emit: (event: ClearedEvent) => void): Cleared {
  const known = new Map<string, number>();
  return {
    apply(event) {
      if (event.seq <= (known.get(event.conversationId) ?? 0)) return;
      known.set(event.conversationId, event.seq);
      emit(event);
    },
    covers: (conversationId, seq) => seq <= (known.get(conversationId) ?? 0),
  };
}
