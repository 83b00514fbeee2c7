/** A send queue as far as it can be given up. */
interface Queue {
  waitingBytes(): number;
  giveUp(): void;
}

/** What waits in the send queues of all sockets of one user: above the bound the one that has most to read is given up. */
export class UnsentBytes {
  #queues: readonly Queue[] = [];
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether any socket is left. */
  get isUsed(): boolean {
    return this.#queues.length > 0;
  }

  /** @param change may be negative */
  add(change: number): void {
    this.#bytes += change;
    if (this.#bytes <= this.#maxBytes) return;
    this.#queues.reduce((a, b) => (b.waitingBytes() > a.waitingBytes() ? b : a)).giveUp();
  }

  open(queue: Queue): void {
    // Not `push`, which makes room for seventeen: most users have one socket.
    this.#queues = [...this.#queues, queue];
  }

  close(queue: Queue): void {
    this.#queues = this.#queues.filter((other) => other !== queue);
  }
}

/** One for each user with a socket. */
export function createUnsentBytes(maxBytes: number) {
  const users = new Map<number, UnsentBytes>();
  return {
    of(userId: number): UnsentBytes {
      const known = users.get(userId) ?? new UnsentBytes(maxBytes);
      users.set(userId, known);
      return known;
    },
    /** A socket of the user is gone. */
    closed(userId: number): void {
      if (users.get(userId)?.isUsed === false) users.delete(userId);
    },
  };
}
