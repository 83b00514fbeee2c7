type Confirmations = Map<string, () => void>;

/**
 * Proof that a client received what it was sent: TCP keeps order, so a pong to a ping that left after a frame proves the frame. Of
 * what is noted under one key only the newest is proven. One exists for each socket; most have nothing to prove.
 */
export class PongConfirmations {
  #unproven: Confirmations | undefined;
  #pinged: Confirmations | undefined;
  #round = 0;

  /** Something about `key` was given to the socket; `confirm` runs when the client is known to have it. */
  sent(key: string, confirm: () => void): void {
    (this.#unproven ??= new Map()).set(key, confirm);
  }

  /** Payload of a ping that leaves after everything noted so far; empty when there is nothing to prove. */
  pingPayload(): string {
    if (this.#unproven === undefined) return "";
    this.#pinged = new Map([...(this.#pinged ?? []), ...this.#unproven]);
    this.#unproven = undefined;
    this.#round += 1;
    return String(this.#round);
  }

  pong(payload: string): void {
    if (payload !== String(this.#round)) return;
    const proven = this.#pinged;
    this.#pinged = undefined;
    for (const confirm of proven?.values() ?? []) confirm();
  }
}
