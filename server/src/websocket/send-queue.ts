import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";

/** What is handed to the socket's own buffer before the rest waits here, in bytes. */
const socketBufferBytes = 256 * 1024;

/**
 * Writes whole WebSocket frames to a socket, past `ws`, whose own few (pongs, the close) are whole as well: it compresses nothing. Frames leave in
 * the order they were given, and those of one turn in one system call. What the client does not read in time waits here, up to a bound;
 * beyond it the client is too slow and `onSlow` is called once. One exists for each socket, so what is seldom needed is made when it is.
 */
export class SendQueue {
  readonly #ws: WebSocket;
  readonly #raw: Duplex;
  readonly #maxBytes: number;
  readonly #onSlow: () => void;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #scheduled = false;
  #closed = false;
  #sleepers: { bytes: number; resolve: () => void }[] | undefined;

  constructor(ws: WebSocket, raw: Duplex, options: { maxBytes: number; onSlow: () => void }) {
    this.#ws = ws;
    this.#raw = raw;
    this.#maxBytes = options.maxBytes;
    this.#onSlow = options.onSlow;
    raw.on("drain", () => {
      this.#schedule();
      this.#wake();
    });
  }

  /** The same frame may be sent to many sockets. */
  send(frame: Buffer): void {
    if (this.#closed) return;
    this.#waiting.push(frame);
    this.#waitingBytes += frame.length;
    if (this.#waitingBytes <= this.#maxBytes) return this.#schedule();
    this.close();
    this.#onSlow();
  }

  /** Resolves when at most `bytes` wait, or nothing will be sent any more. */
  async below(bytes: number): Promise<void> {
    if (this.bytes() <= bytes) return;
    await new Promise<void>((resolve) => (this.#sleepers ??= []).push({ bytes, resolve }));
  }

  /** Bytes that wait, here and in the socket. */
  bytes(): number {
    return this.#closed ? 0 : this.#waitingBytes + this.#raw.writableLength;
  }

  /** Drops what waits; nothing is sent any more. */
  close(): void {
    this.#closed = true;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#wake();
  }

  /** To be called at the end of the turn. */
  flush(): void {
    this.#scheduled = false;
    const waiting = this.#waiting;
    if (this.#closed || waiting.length === 0 || this.#ws.readyState !== this.#ws.OPEN) return;
    const isOne = waiting.length === 1;
    if (!isOne) this.#raw.cork();
    let sent = 0;
    for (const frame of waiting) {
      if (this.#raw.writableLength > socketBufferBytes) break;
      this.#raw.write(frame);
      this.#waitingBytes -= frame.length;
      sent += 1;
    }
    this.#waiting = sent === waiting.length ? [] : waiting.slice(sent);
    if (!isOne) this.#raw.uncork();
    this.#wake();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    flushAtTurnsEnd(this);
  }

  /** Lets those go on who wait until little enough is left. */
  #wake(): void {
    if (this.#sleepers === undefined) return;
    const now = this.bytes();
    const due = this.#sleepers.filter(({ bytes }) => now <= bytes);
    const left = this.#sleepers.filter(({ bytes }) => now > bytes);
    this.#sleepers = left.length === 0 ? undefined : left;
    for (const { resolve } of due) resolve();
  }
}

let due: SendQueue[] = [];

/** One callback of the event loop for all queues of a turn. */
function flushAtTurnsEnd(queue: SendQueue): void {
  if (due.push(queue) > 1) return;
  setImmediate(() => {
    const all = due;
    due = [];
    for (const one of all) one.flush();
  });
}
