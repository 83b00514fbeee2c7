/** A queue that can be given up. */
export interface Waiting {
  bytes(): number;
  giveUp(): void;
}

/** What waits for all sockets of one user: above the bound the one that has most to read is given up. */
export class UnsentBytes {
  readonly #queues = new Set<Waiting>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @param change may be negative */
  add(change: number): void {
    this.#bytes += change;
    if (this.#bytes <= this.#maxBytes) return;
    [...this.#queues].reduce((a, b) => (b.bytes() > a.bytes() ? b : a)).giveUp();
  }

  open(queue: Waiting): void {
    this.#queues.add(queue);
  }

  close(queue: Waiting): void {
    this.#queues.delete(queue);
  }
}
