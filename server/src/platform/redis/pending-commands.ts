import { RedisUnavailable, type Reply } from "./redis.ts";

/** The clock and timers of the deadlines; tests have their own. */
export interface Timers {
  /** Milliseconds that never go back. */
  now(): number;
  /** @returns what stops it */
  every(ms: number, work: () => void): () => void;
  /** After the input that waits by now has been read. */
  afterInput(work: () => void): void;
}

export const systemTimers: Timers = {
  now: () => performance.now(),
  every(ms, work) {
    const timer = setInterval(work, ms).unref();
    return () => clearInterval(timer);
  },
  afterInput: (work) => void setImmediate(work),
};

/** What became of commands. */
export interface PendingEvents {
  answered(ms: number): void;
  /** As its caller is told. */
  failed(error: RedisUnavailable): void;
  /** The oldest command has had no answer for longer than a living server takes. */
  stalled(): void;
}

interface Entry {
  /** Undefined until it has left. */
  sentAt: number | undefined;
  readonly timeoutMs: number;
  /** Its caller knows how it ended. */
  settled: boolean;
  /** Redis has answered it, in time or not. */
  answered: boolean;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

/** How often deadlines are looked at, in ms. */
const tick = 5;
/** So many answered entries may lie before the first that is not. */
const forgetAfter = 1_024;

/**
 * The commands of one connection that Redis has not answered, in the order in which they were sent and will be answered. One
 * ticker looks at all deadlines while there are any. A command whose time is over stays until its answer comes, which is thrown
 * away then. Answers that have come by now are read before anything counts as late: the event loop may have stood still.
 */
export class PendingCommands {
  readonly #events: PendingEvents;
  readonly #timers: Timers;
  readonly #stallAfterMs: number;
  #entries: Entry[] = [];
  /** The first that is not answered. */
  #head = 0;
  #stop: (() => void) | undefined;
  /** Input is read before deadlines are looked at. */
  #reading = false;
  #closed = false;

  /** @param stallAfterMs a command without answer for longer than this means that nothing will come */
  constructor(events: PendingEvents, timers: Timers = systemTimers, stallAfterMs = 250) {
    this.#events = events;
    this.#timers = timers;
    this.#stallAfterMs = stallAfterMs;
  }

  get size(): number {
    return this.#entries.length - this.#head;
  }

  /** @param send sends the command, and tells how it ended; `disconnected` means that it will not be answered */
  add(timeoutMs: number, send: (done: (end: Reply | RedisUnavailable) => void) => void): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const entry: Entry = { sentAt: undefined, timeoutMs, settled: false, answered: false, resolve, reject };
      this.#entries.push(entry);
      if (this.#stop === undefined) this.#startTicking();
      send((end) => this.#done(entry, end));
    });
  }

  /** What was added so far leaves now. */
  sent(): void {
    const at = this.#timers.now();
    for (let i = this.#entries.length - 1; i >= this.#head; i--) {
      const entry = this.#entries[i];
      if (entry === undefined || entry.sentAt !== undefined) break;
      entry.sentAt = at;
    }
  }

  /** The connection is gone: nothing will be answered. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stop?.();
    for (const entry of this.#entries.slice(this.#head)) {
      if (!entry.settled) this.#fail(entry, new RedisUnavailable("disconnected"));
    }
  }

  #done(entry: Entry, end: Reply | RedisUnavailable): void {
    if (this.#closed) return;
    entry.answered = true;
    while (this.#entries[this.#head]?.answered) this.#head += 1;
    if (this.#head === this.#entries.length || this.#head >= forgetAfter) {
      this.#entries.splice(0, this.#head);
      this.#head = 0;
    }
    if (entry.settled) return;
    if (end instanceof RedisUnavailable) return this.#fail(entry, end);
    entry.settled = true;
    const now = this.#timers.now();
    this.#events.answered(now - (entry.sentAt ?? now));
    entry.resolve(end);
  }

  #fail(entry: Entry, error: RedisUnavailable): void {
    entry.settled = true;
    entry.reject(error);
    this.#events.failed(error);
  }

  #startTicking(): void {
    const stop = this.#timers.every(tick, () => this.#tick());
    this.#stop = () => {
      stop();
      this.#stop = undefined;
    };
  }

  #tick(): void {
    const now = this.#timers.now();
    if (this.size === 0) return this.#stop?.();
    if (this.#reading) return;
    this.#reading = true;
    this.#timers.afterInput(() => {
      this.#reading = false;
      this.#expire(now);
    });
  }

  #expire(now: number): void {
    if (this.#closed) return;
    for (let i = this.#head; i < this.#entries.length; i++) {
      const entry = this.#entries[i];
      if (entry?.sentAt === undefined) break;
      const due = now - entry.sentAt >= entry.timeoutMs;
      if (due && !entry.settled) this.#fail(entry, new RedisUnavailable("timeout"));
    }
    const oldest = this.#entries[this.#head]?.sentAt;
    if (oldest !== undefined && now - oldest > this.#stallAfterMs) this.#events.stalled();
  }
}
