import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";

/** What is handed to the socket's own buffer before the rest waits here, in bytes: what even a slow line takes between two looks at it. */
const socketBufferBytes = 64 * 1024;

/** A queue that can be given up. */
interface Waiting {
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

/**
 * Writes whole WebSocket frames to a socket, past `ws`, which itself writes only the close: it compresses nothing. Frames leave in the order they
 * were given, and those of one turn in one system call. What the client does not read in time waits here; when the user's sockets have
 * too much that waits, or this one has read nothing for long, the client is too slow and `onSlow` is called once.
 */
export function createSendQueue(ws: WebSocket, raw: Duplex, options: { unsent: UnsentBytes; onSlow: () => void }) {
  const { unsent } = options;
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  /** Bytes that were handed to the socket, and of those what had left it at the last look. */
  let handed = 0;
  let leftBefore = 0;
  let stalledLooks = 0;
  let scheduled = false;
  let closed = false;
  const left = (): number => (closed ? 0 : waitingBytes + raw.writableLength);
  const drain = createDrainWaiter(left);

  function flush(): void {
    scheduled = false;
    if (closed || waiting.length === 0 || ws.readyState !== ws.OPEN) return;
    const isOne = waiting.length === 1;
    if (!isOne) raw.cork();
    let [sent, bytes] = [0, 0];
    for (const frame of waiting) {
      if (raw.writableLength > socketBufferBytes) break;
      raw.write(frame);
      bytes += frame.length;
      sent += 1;
    }
    handed += bytes;
    waitingBytes -= bytes;
    unsent.add(-bytes);
    waiting = sent === waiting.length ? [] : waiting.slice(sent);
    if (!isOne) raw.uncork();
    drain.wake();
  }

  function drop(): void {
    closed = true;
    unsent.close(self);
    unsent.add(-waitingBytes);
    waiting = [];
    waitingBytes = 0;
    drain.wake();
  }

  function giveUp(): void {
    if (closed) return;
    drop();
    options.onSlow();
  }

  function send(frame: Buffer): void {
    if (closed) return;
    waiting.push(frame);
    waitingBytes += frame.length;
    schedule();
    unsent.add(frame.length);
  }

  /** To be asked in regular intervals: gives the client up that has read nothing in two of them though there was something to read. */
  function giveUpIfStalled(): void {
    const leftNow = handed - raw.writableLength;
    stalledLooks = left() > 0 && leftNow === leftBefore ? stalledLooks + 1 : 0;
    leftBefore = leftNow;
    if (stalledLooks === 2) giveUp();
  }

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    atTurnsEnd(flush);
  }

  const self: Waiting = { bytes: () => waitingBytes, giveUp };
  unsent.open(self);
  raw.on("drain", () => {
    schedule();
    drain.wake();
  });
  return {
    /** The same frame may be sent to many sockets. */
    send,
    /** Resolves when at most `bytes` wait, or nothing will be sent any more. */
    below: drain.below,
    giveUpIfStalled,
    /** Bytes that wait, here and in the socket. */
    bytes: left,
    /** Drops what waits; nothing is sent any more. */
    close: drop,
  };
}
export type SendQueue = ReturnType<typeof createSendQueue>;

let due: (() => void)[] = [];

/** One callback of the event loop for all queues of a turn. */
function atTurnsEnd(flush: () => void): void {
  if (due.push(flush) > 1) return;
  setImmediate(() => {
    const all = due;
    due = [];
    for (const one of all) one();
  });
}

/** Lets those go on who wait until little enough is left. */
function createDrainWaiter(left: () => number): { below(bytes: number): Promise<void>; wake(): void } {
  let sleepers: { bytes: number; resolve: () => void }[] = [];
  return {
    below: (bytes) =>
      left() <= bytes ? Promise.resolve() : new Promise((resolve) => sleepers.push({ bytes, resolve })),
    wake() {
      if (sleepers.length === 0) return;
      const now = left();
      const due = sleepers.filter(({ bytes }) => now <= bytes);
      sleepers = sleepers.filter((sleeper) => !due.includes(sleeper));
      for (const { resolve } of due) resolve();
    },
  };
}
