/** Tells at most so often that the user is still typing; a receiver lets the sign go out a little later by itself. */
const repeatMs = 3_000;

/** Sends a typing sign per recipient, sparingly; that it stopped is told once, at once. */
export function createTyping(
  send: (to: number, isTyping: boolean) => void,
  now: () => number,
): (to: number, isTyping: boolean) => void {
  const toldAt = new Map<number, number>();
  return (to, isTyping) => {
    const last = toldAt.get(to);
    if (!isTyping) {
      if (!toldAt.delete(to)) return;
    } else if (last !== undefined && now() - last < repeatMs) return;
    else toldAt.set(to, now());
    send(to, isTyping);
  };
}
