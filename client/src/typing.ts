import { conversationIdOf, type Target } from "./target.ts";

/** Tells at most so often that the user is still typing; a receiver lets the sign go out a little later by itself. */
const repeatMs = 3_000;

/** Sends a typing sign per conversation, sparingly; that it stopped is sent once, at once. */
export function createTyping(
  send: (to: Target, isTyping: boolean) => void,
  now: () => number,
): (to: Target, isTyping: boolean) => void {
  const toldAt = new Map<string, number>();
  return (to, isTyping) => {
    const conversationId = conversationIdOf(to);
    const last = toldAt.get(conversationId);
    if (!isTyping) {
      if (!toldAt.delete(conversationId)) return;
    } else if (last !== undefined && now() - last < repeatMs) return;
    else toldAt.set(conversationId, now());
    send(to, isTyping);
  };
}
