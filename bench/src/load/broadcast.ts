import { within } from "../deadline.ts";
import { cpuMs, nowMs, quantile } from "../measure.ts";
import { openSockets } from "./socket.ts";

/** Sockets of which the first writes and all others receive. */
export interface Audience extends Disposable {
  readonly receivers: number;
  send(text: string): void;
  /** Who is told from now on. */
  watch(watcher: Watcher | undefined): void;
}

interface Watcher {
  toSender(data: Buffer): void;
  toReceiver(i: number, data: Buffer): void;
  onClose(why: string): void;
}

/** @param urls of the sender and of each receiver */
export async function openAudience(urls: readonly string[]): Promise<Audience> {
  let watcher: Watcher | undefined;
  const sockets = await openSockets(urls, (i) => ({
    onFrame: (data) => (i === 0 ? watcher?.toSender(data) : watcher?.toReceiver(i - 1, data)),
    onClose: (why) => watcher?.onClose(why),
  }));
  return {
    receivers: sockets.length - 1,
    send: (text) => sockets[0]?.send(text),
    watch: (next) => void (watcher = next),
    [Symbol.dispose]: () => sockets.forEach((socket) => socket[Symbol.dispose]()),
  };
}

/** What is written, and how it is known when it arrives. */
export interface FrameMatcher {
  /** The n-th frame, counted from 0. */
  frame(n: number): string;
  /** Whether a received frame is one of those at all. */
  counts(data: Buffer): boolean;
  /** Text that the n-th of them holds and no other. */
  mark(n: number): string;
}

export interface Broadcast extends Record<string, number> {
  /** Deliveries per second. */
  rate: number;
  /** From writing a frame until the last receiver had it, median, ms. */
  toAll: number;
  /** Of the server's process, µs for one frame to one receiver. */
  cpu: number;
  /** Of a frame as it is received. */
  bytes: number;
}

/**
 * Keeps `window` frames on their way until the time is up; a frame has arrived when every receiver has it.
 * @param load.pid of the server's process
 * @throws Error when a receiver gets anything but all frames in the order they were written, once each and byte for byte the same as
 *   everybody; when a socket closes; when frames are missing 30 s after the time is up
 */
export async function broadcast(
  audience: Audience,
  load: { seconds: number; window: number; pid: number },
  matcher: FrameMatcher,
): Promise<Broadcast> {
  const { receivers } = audience;
  const tally = createTally(receivers, matcher);
  const before = cpuMs(load.pid);
  const started = nowMs();
  const until = started + load.seconds * 1000;
  const all = new Promise<void>((resolve, reject) => {
    const proceed = (): void => {
      while (nowMs() < until && tally.onTheirWay() < load.window) audience.send(tally.next());
      if (tally.onTheirWay() === 0) resolve();
    };
    const stopped = (why: string): void => reject(new Error(`${why}; ${tally.progress()}`));
    audience.watch({
      toSender: (data) => data.includes('"type":"error"') && stopped(`the sender was told ${data.toString()}`),
      toReceiver(i, data) {
        if (!matcher.counts(data)) return;
        const wrong = tally.take(i, data);
        if (wrong !== undefined) return stopped(wrong);
        proceed();
      },
      onClose: (why) => stopped(`a socket: ${why}`),
    });
    proceed();
  });
  try {
    await within(load.seconds * 1000 + 30_000, tally.progress, all);
  } finally {
    audience.watch(undefined);
  }
  const deliveries = tally.times.length * receivers;
  return {
    rate: (deliveries / (nowMs() - started)) * 1000,
    toAll: quantile(tally.times, 0.5),
    cpu: ((cpuMs(load.pid) - before) * 1000) / deliveries,
    bytes: tally.frameBytes(),
  };
}

/** Which frames have arrived where. The k-th that a receiver gets must be the k-th that was written. */
function createTally(receivers: number, matcher: FrameMatcher) {
  /** Of each frame that was written: when, how many lack it, and what the first receiver got. */
  const frames: { at: number; missing: number; bytes?: Buffer }[] = [];
  const got = Array.from({ length: receivers }, () => 0);
  const times: number[] = [];
  let frameBytes = 0;
  return {
    /** Of each frame that all have, in ms. */
    times,
    frameBytes: () => frameBytes,
    onTheirWay: () => frames.length - times.length,
    next(): string {
      frames.push({ at: nowMs(), missing: receivers });
      return matcher.frame(frames.length - 1);
    },
    /** @returns what is wrong with it */
    take(i: number, data: Buffer): string | undefined {
      const n = got[i] ?? 0;
      const frame = frames[n];
      if (frame === undefined) return `receiver ${i} got more than the ${n} frames that were written`;
      if (frame.bytes === undefined && data.includes(matcher.mark(n))) frame.bytes = Buffer.from(data);
      if (frame.bytes?.equals(data) !== true) return `receiver ${i} got another frame ${n}: ${data.toString()}`;
      got[i] = n + 1;
      frame.missing -= 1;
      if (frame.missing > 0) return undefined;
      times.push(nowMs() - frame.at);
      frameBytes = data.length;
      delete frame.bytes;
      return undefined;
    },
    progress: () =>
      `${times.length} of ${frames.length} frames have reached all ${receivers} receivers, ` +
      `${got.filter((count) => count === times.length).length} lack the next one`,
  };
}
