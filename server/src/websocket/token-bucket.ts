/** Lets `burst` through at once and `rate` per second for long; says how long to wait instead of refusing. @param rate 0 = no limit */
export function createTokenBucket(rate: number, burst: number, now: () => number) {
  let tokens = burst;
  let filled = now();
  return {
    /** Takes one token. @returns ms to wait before going on, 0 when there was one */
    take(): number {
      if (rate === 0) return 0;
      const at = now();
      tokens = Math.min(burst, tokens + ((at - filled) / 1000) * rate);
      filled = at;
      tokens -= 1;
      return tokens >= 0 ? 0 : Math.ceil((-tokens / rate) * 1000);
    },
  };
}
export type TokenBucket = ReturnType<typeof createTokenBucket>;
