/** Pauses between connections: a random part of a bound that doubles from `first` to `longest`, so that many nodes do not come at once. */
export function createBackoff(options: { first: number; longest: number; random: () => number }) {
  let bound = options.first;
  return {
    /** How long to wait before connecting again, in ms. */
    next(): number {
      const wait = options.random() * bound;
      bound = Math.min(bound * 2, options.longest);
      return wait;
    },
    reset: (): void => void (bound = options.first),
  };
}
