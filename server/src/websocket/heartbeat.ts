/** A socket that is pinged and watched. */
export interface HeartbeatSocket {
  /** When anything last came from the client, in ms of the clock. */
  lastActivityAt(): number;
  ping(): void;
  /** Closes it for its silence. */
  expire(): void;
}

/** Pings every socket each `periodMs` and expires those silent for `timeoutMs`; one timer for all, spread over slots. */
export interface Heartbeat extends Disposable {
  add(socket: HeartbeatSocket): () => void;
}

const slots = 30;

export function createHeartbeat(options: { periodMs: number; timeoutMs: number; now: () => number }): Heartbeat {
  const wheel = Array.from({ length: slots }, () => new Set<HeartbeatSocket>());
  let next = 0;
  let at = 0;
  const beat = (): void => {
    at = (at + 1) % slots;
    const deadline = options.now() - options.timeoutMs;
    for (const socket of wheel[at] ?? []) {
      if (socket.lastActivityAt() < deadline) socket.expire();
      else socket.ping();
    }
  };
  const timer = setInterval(beat, options.periodMs / slots);
  timer.unref();
  return {
    add(socket) {
      next = (next + 1) % slots;
      const slot = wheel[next];
      slot?.add(socket);
      return () => slot?.delete(socket);
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}
