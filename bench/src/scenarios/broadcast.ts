import { once } from "node:events";
import { WebSocket } from "ws";
import { nowMs } from "../measure.ts";

/** Sockets of which the first writes and all others receive. */
export interface Audience extends Disposable {
  sender: WebSocket;
  receivers: WebSocket[];
}

/** @param urls of the sender and of each receiver */
export async function openAudience(urls: readonly string[]): Promise<Audience> {
  const sockets: WebSocket[] = [];
  for (let start = 0; start < urls.length; start += 100) {
    const some = urls.slice(start, start + 100).map((url) => new WebSocket(url, { perMessageDeflate: false }));
    await Promise.all(some.map((socket) => once(socket, "open")));
    sockets.push(...some);
  }
  const [sender, ...receivers] = sockets;
  if (sender === undefined) throw new Error("nobody to write");
  return {
    sender,
    receivers,
    [Symbol.dispose]() {
      for (const socket of sockets) socket.terminate();
    },
  };
}

/**
 * Keeps `window` frames on their way until the time is up; a frame has arrived when every receiver has it.
 * @param frame the n-th frame to write; `counts` tells which of the received ones count
 * @throws Error when a receiver got another number of frames than were written
 */
export async function broadcast(
  { sender, receivers }: Audience,
  load: { seconds: number; window: number },
  { frame, counts }: { frame: (n: number) => string; counts: (data: Buffer) => boolean },
): Promise<{ deliveriesPerSecond: number }> {
  const started = nowMs();
  const until = started + load.seconds * 1000;
  const got = receivers.map(() => 0);
  let sent = 0;
  /** Frames that all have, and how many receivers have no more than those. */
  let complete = 0;
  let behind = receivers.length;
  const all = new Promise<void>((resolve) => {
    const progress = (): void => {
      while (nowMs() < until && sent - complete < load.window) sender.send(frame(sent++));
      if (complete === sent) resolve();
    };
    receivers.forEach((receiver, i) =>
      receiver.on("message", (data: Buffer) => {
        if (!counts(data)) return;
        const before = got[i] ?? 0;
        got[i] = before + 1;
        if (before !== complete) return;
        behind -= 1;
        while (behind === 0 && complete < sent) {
          complete += 1;
          behind = complete < sent ? got.filter((count) => count === complete).length : receivers.length;
        }
        progress();
      }),
    );
    progress();
  });
  await all;
  const seconds = (nowMs() - started) / 1000;
  for (const receiver of receivers) receiver.removeAllListeners("message");
  if (got.some((count) => count !== sent)) throw new Error("some frames came twice");
  return { deliveriesPerSecond: (sent * receivers.length) / seconds };
}
