/**
 * Proof that a client received what it was sent: TCP keeps order, so a pong to a ping that left after a frame proves the frame. Of
 * what is noted under one key only the newest is proven.
 */
export function createReceipts() {
  let unproven = new Map<string, () => void>();
  let asked = new Map<string, () => void>();
  let round = 0;
  return {
    /** Something about `key` was given to the socket; `prove` runs when the client is known to have it. */
    sent(key: string, prove: () => void): void {
      unproven.set(key, prove);
    },
    /** Payload of a ping that leaves after everything noted so far; empty when there is nothing to prove. */
    marker(): string {
      if (unproven.size === 0) return "";
      asked = new Map([...asked, ...unproven]);
      unproven = new Map();
      round += 1;
      return String(round);
    },
    pong(marker: string): void {
      if (marker !== String(round)) return;
      const proven = asked;
      asked = new Map();
      for (const prove of proven.values()) prove();
    },
  };
}
