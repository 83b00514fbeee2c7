import type { Socket } from "node:net";

/** One direction of a connection through the fault proxy. */
export interface Flow {
  /** While silent it swallows; once something was swallowed it stays silent for good. */
  stall(on: boolean): void;
  readonly silent: boolean;
  /** Carries what is due by now; the delay may have changed. */
  pump(): void;
}

/** What may wait in one direction, in bytes; beyond it the sender is not read. */
const room = 1_048_576;

export function createFlow(options: {
  from: Socket;
  to: Socket;
  /** How late everything is, in ms; asked for again whenever something waits. */
  delay: () => number;
  swallow: (bytes: number) => void;
  /** Sees every chunk as it leaves, and may shorten it. */
  carry: (chunk: Buffer) => Buffer;
}): Flow {
  const { from, to, delay, swallow, carry } = options;
  /** In the order of arrival; undefined is the sender's end. */
  const waiting: { at: number; chunk: Buffer | undefined }[] = [];
  let bytes = 0;
  let timer: NodeJS.Timeout | undefined;
  let silent = false;
  let lost = false;

  function pump(): void {
    clearTimeout(timer);
    for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
      const early = first.at + delay() - performance.now();
      if (early > 0) return void (timer = setTimeout(pump, early));
      // Their events bring us back.
      if (to.connecting || to.writableNeedDrain) return;
      waiting.shift();
      leave(first.chunk);
    }
  }

  function leave(chunk: Buffer | undefined): void {
    if (to.destroyed) return;
    if (chunk === undefined) return void to.end();
    bytes -= chunk.length;
    to.write(carry(chunk));
    if (bytes < room) from.resume();
  }

  from.on("data", (chunk: Buffer) => {
    if (silent || lost) {
      lost = true;
      return swallow(chunk.length);
    }
    waiting.push({ at: performance.now(), chunk });
    bytes += chunk.length;
    if (bytes >= room) from.pause();
    pump();
  });
  from.on("end", () => {
    if (!silent && !lost) waiting.push({ at: performance.now(), chunk: undefined });
    pump();
  });
  to.on("connect", pump);
  to.on("drain", pump);
  to.on("close", () => {
    clearTimeout(timer);
    waiting.length = 0;
  });
  return {
    stall: (on) => void (silent = on),
    get silent() {
      return silent || lost;
    },
    pump,
  };
}
