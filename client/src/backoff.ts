/** Delays between attempts, in ms: anywhere between 0 and a bound that doubles, so that many clients do not come back at once. */
export interface Backoff {
  next(): number;
  reset(): void;
}

export function createBackoff(options: { firstMs: number; maxMs: number; random?: () => number }): Backoff {
  const { firstMs, maxMs, random = Math.random } = options;
  let bound = firstMs;
  return {
    next() {
      const delay = random() * bound;
      bound = Math.min(maxMs, bound * 2);
      return delay;
    },
    reset: () => void (bound = firstMs),
  };
}
