/** A socket that is pinged and watched. */
export interface HeartbeatSocket {
  /** When anything last came from the client, in ms of the clock. */
  lastActivityAt(): number;
  ping(): void;
  /** Closes it for its silence. */
  expire(): void;
}

const slots = 30;

/** Pings every socket each `periodMs` and expires those silent for `timeoutMs`; one timer for all, spread over slots. */
export function createHeartbeat(options: { periodMs: number; timeoutMs: number; now: () => number }) {
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
    add(socket: HeartbeatSocket): void {
      next = (next + 1) % slots;
      wheel[next]?.add(socket);
    },
    remove(socket: HeartbeatSocket): void {
      wheel.some((slot) => slot.delete(socket));
    },
    [Symbol.dispose]: (): void => clearInterval(timer),
  };
}
export type Heartbeat = ReturnType<typeof createHeartbeat>;
