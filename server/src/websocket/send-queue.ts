import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";

/** What is handed to the socket's own buffer before the rest waits here, in bytes. */
const socketBufferBytes = 256 * 1024;

/**
 * Writes whole WebSocket frames to a socket, past `ws`, whose own few (pongs, the close) are whole as well: it compresses nothing. Frames leave in
 * the order they were given, and those of one turn in one system call. What the client does not read in time waits here, up to a bound;
 * beyond it the client is too slow and `onSlow` is called once.
 */
export function createSendQueue(ws: WebSocket, raw: Duplex, options: { maxBytes: number; onSlow: () => void }) {
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let scheduled = false;
  let closed = false;
  const left = (): number => (closed ? 0 : waitingBytes + raw.writableLength);
  const drain = createDrainWaiter(left);

  function flush(): void {
    scheduled = false;
    if (closed || waiting.length === 0 || ws.readyState !== ws.OPEN) return;
    const isOne = waiting.length === 1;
    if (!isOne) raw.cork();
    let sent = 0;
    for (const frame of waiting) {
      if (raw.writableLength > socketBufferBytes) break;
      raw.write(frame);
      waitingBytes -= frame.length;
      sent += 1;
    }
    waiting = sent === waiting.length ? [] : waiting.slice(sent);
    if (!isOne) raw.uncork();
    drain.wake();
  }

  function drop(): void {
    closed = true;
    waiting = [];
    waitingBytes = 0;
    drain.wake();
  }

  function send(frame: Buffer): void {
    if (closed) return;
    waiting.push(frame);
    waitingBytes += frame.length;
    if (waitingBytes <= options.maxBytes) return schedule();
    drop();
    options.onSlow();
  }

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    atTurnsEnd(flush);
  }

  raw.on("drain", () => {
    schedule();
    drain.wake();
  });
  return {
    /** The same frame may be sent to many sockets. */
    send,
    /** Resolves when at most `bytes` wait, or nothing will be sent any more. */
    below: drain.below,
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
