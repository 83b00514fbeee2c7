import { TooMany } from "../platform/rate-limit.ts";
import type { Clock } from "../platform/clock.ts";

/** Who would have to wait longer is told to come again, in ms. Clients give a handshake 10 s. */
const maxWaitMs = 8_000;
/** When they are to come again, in seconds: anywhere up to. */
const comeAgainSeconds = 5;

/**
 * Lets new sockets in at a bounded rate, after a second's worth at once: those who come together after an outage one after the other, so
 * that whoever is here is served on meanwhile.
 * @returns waits for its turn @throws TooMany `unavailable`
 */
export function createAdmission(options: {
  /** 0: no bound. */
  perSecond: number;
  now: Clock;
  pause: (ms: number) => Promise<void>;
}): () => Promise<void> {
  const { perSecond, now, pause } = options;
  /** When the next one may come in. */
  let due = Number.NEGATIVE_INFINITY;
  return async () => {
    if (perSecond === 0) return;
    const at = now();
    due = Math.max(due, at - 1_000);
    if (due - at > maxWaitMs) throw new TooMany("unavailable", 1 + Math.floor(Math.random() * comeAgainSeconds));
    const wait = due - at;
    due += 1_000 / perSecond;
    if (wait > 0) await pause(wait);
  };
}
