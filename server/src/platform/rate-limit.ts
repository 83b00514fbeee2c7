import { LRUCache } from "lru-cache";
import { OmError } from "./om-error.ts";

/** Something was tried too often, or by too many. */
export class TooMany extends OmError {
  readonly retryAfterSeconds: number;

  constructor(code: "too_many_attempts" | "rate_limited" | "unavailable", retryAfterSeconds: number) {
    super(code);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Counts attempts per key. @param limit attempts per window; 0 = off. Keys are bounded: the least used are forgotten first. */
export function createRateLimit(options: { limit: number; windowMs: number; now: () => number }) {
  const windows = new LRUCache<string, { since: number; count: number }>({ max: 100_000 });
  return {
    /**
     * Counts one attempt, in a window that starts at the first and ends `resetSeconds` from now; undefined when the limit is off.
     * @param factor how many times as much as usual this key may
     */
    consume(key: string, factor = 1) {
      const limit = options.limit * factor;
      if (limit === 0) return undefined;
      const now = options.now();
      let window = windows.get(key);
      if (window === undefined || now - window.since >= options.windowMs) {
        window = { since: now, count: 0 };
        windows.set(key, window);
      }
      window.count += 1;
      return {
        limit,
        remaining: Math.max(0, limit - window.count),
        resetSeconds: Math.ceil((window.since + options.windowMs - now) / 1000),
        /** This attempt was one too many. */
        exceeded: window.count > limit,
      };
    },
  };
}
export type RateLimit = ReturnType<typeof createRateLimit>;
