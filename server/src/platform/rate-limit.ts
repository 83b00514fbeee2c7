import { LRUCache } from "lru-cache";

/** A fixed window per key that starts at its first hit. */
export interface RateLimit {
  /** Whether the next hit would be one too many. */
  exceeded(key: string): boolean;
  /** Counts one attempt; undefined when the limit is off. */
  hit(key: string): { limit: number; remaining: number; resetSeconds: number; exceeded: boolean } | undefined;
}

/** @param limit attempts per window; 0 = off. Keys are bounded: the least used are forgotten first. */
export function createRateLimit(options: { limit: number; windowMs: number; now: () => number }): RateLimit {
  const windows = new LRUCache<string, { since: number; count: number }>({ max: 100_000 });
  return {
    exceeded(key) {
      const window = windows.get(key);
      return window !== undefined && options.now() - window.since < options.windowMs && window.count >= options.limit;
    },
    hit(key) {
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
        exceeded: window.count > options.limit,
      };
    },
  };
}
