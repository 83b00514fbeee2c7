import { LRUCache } from "lru-cache";
import type { Counted, SharedRates } from "./rates/shared-rates.ts";
import { OmError } from "./om-error.ts";

/** Something was tried too often, or by too many. */
export class TooMany extends OmError {
  readonly retryAfterSeconds: number;

  constructor(code: "too_many_attempts" | "rate_limited" | "unavailable", retryAfterSeconds: number) {
    super(code);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

interface Options {
  /** In the name of its key in Redis. */
  name: string;
  /** Attempts per window; 0 = off. */
  limit: number;
  windowMs: number;
  now: () => number;
  shared: Pick<SharedRates, "count">;
}

/** Counts attempts, of all nodes where Redis tells them, else of this one. Who is counted here is bounded: the least used are forgotten first. */
export function createRateLimit(options: Options) {
  const windows = new LRUCache<string, { since: number; count: number }>({ max: 100_000 });

  function consumeHere(key: string): { count: number; leftMs: number } {
    const now = options.now();
    let window = windows.get(key);
    if (window === undefined || now - window.since >= options.windowMs) {
      window = { since: now, count: 0 };
      windows.set(key, window);
    }
    window.count += 1;
    return { count: window.count, leftMs: window.since + options.windowMs - now };
  }

  return {
    /**
     * Counts one attempt, in a window that starts at the first and ends `resetSeconds` from now; undefined when the limit is off.
     * @param factor how many times as much as usual this one may
     */
    async consume(who: Counted, factor = 1) {
      const limit = options.limit * factor;
      if (limit === 0) return undefined;
      const here = consumeHere(Object.values(who).join());
      const everywhere = await options.shared.count(options.name, who, options.windowMs);
      const count = Math.max(here.count, everywhere?.count ?? 0);
      return {
        limit,
        remaining: Math.max(0, limit - count),
        resetSeconds: Math.ceil((everywhere?.leftMs ?? here.leftMs) / 1000),
        /** This attempt was one too many. */
        exceeded: count > limit,
      };
    },
  };
}
export type RateLimit = ReturnType<typeof createRateLimit>;
