import { LRUCache } from "lru-cache";
import { OmError } from "./om-error.ts";

/** A use-case was tried too often. */
export class TooManyAttempts extends OmError {
  readonly retryAfterSeconds: number;

  constructor(retryAfterSeconds: number) {
    super("too_many_attempts");
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Counts attempts per key. @param limit attempts per window; 0 = off. Keys are bounded: the least used are forgotten first. */
export function createRateLimit(options: { limit: number; windowMs: number; now: () => number }) {
  const windows = new LRUCache<string, { since: number; count: number }>({ max: 100_000 });
  return {
    /** Counts one attempt, in a window that starts at the first and ends `resetSeconds` from now; undefined when the limit is off. */
    consume(key: string) {
      if (options.limit === 0) return undefined;
      const now = options.now();
      let window = windows.get(key);
      if (window === undefined || now - window.since >= options.windowMs) {
        window = { since: now, count: 0 };
        windows.set(key, window);
      }
      window.count += 1;
      return {
        limit: options.limit,
        remaining: Math.max(0, options.limit - window.count),
        resetSeconds: Math.ceil((window.since + options.windowMs - now) / 1000),
        /** This attempt was one too many. */
        exceeded: window.count > options.limit,
      };
    },
    /** Takes one attempt back. */
    refund(key: string): void {
      const window = windows.get(key);
      if (window !== undefined && window.count > 0) window.count -= 1;
    },
  };
}
export type RateLimit = ReturnType<typeof createRateLimit>;
