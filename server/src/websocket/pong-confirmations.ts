/**
 * Proof that a client received what it was sent: TCP keeps order, so a pong to a ping that left after a frame proves the frame. Of
 * what is noted under one key only the newest is proven.
 */
export function createPongConfirmations() {
  let unproven = new Map<string, () => void>();
  let pinged = new Map<string, () => void>();
  let round = 0;
  return {
    /** Something about `key` was given to the socket; `confirm` runs when the client is known to have it. */
    sent(key: string, confirm: () => void): void {
      unproven.set(key, confirm);
    },
    /** Payload of a ping that leaves after everything noted so far; empty when there is nothing to prove. */
    pingPayload(): string {
      if (unproven.size === 0) return "";
      pinged = new Map([...pinged, ...unproven]);
      unproven = new Map();
      round += 1;
      return String(round);
    },
    pong(payload: string): void {
      if (payload !== String(round)) return;
      const proven = pinged;
      pinged = new Map();
      for (const confirm of proven.values()) confirm();
    },
  };
}
