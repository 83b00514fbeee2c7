/**
 * Proof that a client which never sends `ack` received its messages: TCP keeps order, so a pong to a ping that left after a message
 * proves the message. Holds the newest unproven message of each conversation.
 */
export function createReceipts(active: boolean, prove: (messageId: number) => void) {
  let unproven = new Map<number, number>();
  let asked = new Map<number, number>();
  let round = 0;
  return {
    sent(conversationId: number, messageId: number): void {
      if (active) unproven.set(conversationId, messageId);
    },
    /** Payload of a ping about to leave; empty when there is nothing to prove. */
    marker(): string {
      if (unproven.size === 0) return "";
      asked = new Map([...asked, ...unproven]);
      unproven = new Map();
      round += 1;
      return String(round);
    },
    pong(marker: string): void {
      if (marker !== String(round)) return;
      for (const messageId of asked.values()) prove(messageId);
      asked = new Map();
    },
  };
}
