import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { UnsentBytes, Waiting } from "./unsent-bytes.ts";

/** What is handed to the socket's own buffer before the rest waits here, in bytes: what even a slow line takes between two looks at it. */
const socketBufferBytes = 64 * 1024;

/**
 * Writes whole WebSocket frames to a socket, past `ws`, which itself writes only the close: it compresses nothing. Frames leave in the order they
 * were given, and those of one turn in one system call. What the client does not read in time waits here; when the user's sockets have
 * too much that waits, or this one has read nothing for long, the client is too slow and `onSlow` is called once.
 */
export function createSendQueue(ws: WebSocket, raw: Duplex, options: { unsent: UnsentBytes; onSlow: () => void }) {
  const { unsent } = options;
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let scheduled = false;
  let closed = false;
  const left = (): number => (closed ? 0 : waitingBytes + raw.writableLength);
  const drain = createDrainWaiter(left);
  const stall = createStallWatch(raw);

  function flush(): void {
    scheduled = false;
    if (closed || waiting.length === 0 || ws.readyState !== ws.OPEN) return;
    const { count, bytes } = writeSome(raw, waiting);
    stall.handed(bytes);
    waitingBytes -= bytes;
    unsent.add(-bytes);
    waiting = count === waiting.length ? [] : waiting.slice(count);
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
    /** To be asked in regular intervals: gives the client up that read nothing from one to the next twice, though there was something to read. */
    giveUpIfStalled: () => stall.isStalled(left() > 0) && giveUp(),
    /** Bytes that wait, here and in the socket. */
    bytes: left,
    /** Drops what waits; nothing is sent any more. */
    close: drop,
  };
}
export type SendQueue = ReturnType<typeof createSendQueue>;

/** As many as the socket's own buffer takes, in one system call. */
function writeSome(raw: Duplex, frames: readonly Buffer[]): { count: number; bytes: number } {
  const isOne = frames.length === 1;
  if (!isOne) raw.cork();
  let [count, bytes] = [0, 0];
  for (const frame of frames) {
    if (raw.writableLength > socketBufferBytes) break;
    raw.write(frame);
    count += 1;
    bytes += frame.length;
  }
  if (!isOne) raw.uncork();
  return { count, bytes };
}

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

/** Whether nothing has left the socket from look to look, twice in a row, though something waited all the time. */
function createStallWatch(raw: Duplex): { handed(bytes: number): void; isStalled(isWaiting: boolean): boolean } {
  let [handed, leftBefore, stalled] = [0, 0, 0];
  let wasWaiting = false;
  return {
    handed: (bytes) => void (handed += bytes),
    isStalled(isWaiting) {
      const left = handed - raw.writableLength;
      stalled = isWaiting && wasWaiting && left === leftBefore ? stalled + 1 : 0;
      [leftBefore, wasWaiting] = [left, isWaiting];
      return stalled >= 2;
    },
  };
}
