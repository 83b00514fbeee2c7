/** Lets `burst` through at once and `rate` per second for long; says how long to wait instead of refusing. */
export interface TokenBucket {
  /** Takes one token. @returns ms to wait before going on, 0 when there was one */
  take(): number;
}

/** @param rate tokens per second; 0 = no limit */
export function createTokenBucket(rate: number, burst: number, now: () => number): TokenBucket {
  let tokens = burst;
  let filled = now();
  return {
    take() {
      if (rate === 0) return 0;
      const at = now();
      tokens = Math.min(burst, tokens + ((at - filled) / 1000) * rate);
      filled = at;
      tokens -= 1;
      return tokens >= 0 ? 0 : Math.ceil((-tokens / rate) * 1000);
    },
  };
}
