/** Pauses between connections: a random part of a bound that doubles from `first` to `longest`, so that many nodes do not come at once. */
export interface Backoff {
  /** How long to wait before connecting again, in ms. */
  next(): number;
  reset(): void;
}

export function createBackoff(options: { first: number; longest: number; random: () => number }): Backoff {
  let bound = options.first;
  return {
    next() {
      const wait = options.random() * bound;
      bound = Math.min(bound * 2, options.longest);
      return wait;
    },
    reset: () => void (bound = options.first),
  };
}
