/** Numbers that a seed decides. */
export interface Random {
  /** From 0 to below 1. */
  next(): number;
  /** From 0 to below `below`, whole. */
  whole(below: number): number;
  between(from: number, to: number): number;
  chance(share: number): boolean;
  /** The earlier ones far more often, as people have favourites. */
  favourite<T>(items: readonly T[]): T;
  pick<T>(items: readonly T[]): T;
  /** One of the names, each as often as its weight says. */
  weighted<N extends string>(weights: Readonly<Record<N, number>>): N;
}

/** Mulberry32: small, and good enough to choose what happens next. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const at = <T>(items: readonly T[], index: number): T => {
    const item = items[index];
    if (item === undefined) throw new Error("nothing to choose from");
    return item;
  };
  return {
    next,
    whole: (below) => Math.floor(next() * below),
    between: (from, to) => from + next() * (to - from),
    chance: (share) => next() < share,
    favourite: (items) => at(items, Math.floor(items.length * next() ** 2.5)),
    pick: (items) => at(items, Math.floor(items.length * next())),
    weighted(weights) {
      const entries = Object.entries(weights) as [keyof typeof weights, number][];
      let left = next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
      for (const [name, weight] of entries) {
        left -= weight;
        if (left < 0) return name;
      }
      return at(entries, entries.length - 1)[0];
    },
  };
}

/** A seed of its own for each of several parts of a run. */
export function seedFor(seed: number, part: string): number {
  let hash = seed ^ 0x811c9dc5;
  for (const letter of part) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x01000193);
  return hash >>> 0;
}
