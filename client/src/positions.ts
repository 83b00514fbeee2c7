import type { PositionEvent } from "./connection-events.ts";
/** Positions only move forward, so they need no order: the highest wins. */
export function createPositions(emit: (event: PositionEvent) => void): (event: PositionEvent) => void {
  const known = new Map<string, { read: number; delivered: number }>();
  return (event) => {
    if (event.messageId === 0) return;
    const key = `${event.conversationId} ${event.userId}`;
    const at = known.get(key) ?? { read: 0, delivered: 0 };
    if (event.messageId <= at[event.kind]) return;
    at[event.kind] = event.messageId;
    at.delivered = Math.max(at.delivered, at.read);
    known.set(key, at);
    emit(event);
  };
}
