/** A little below the named value, so that what was filled together does not expire together. */
export function jitteredTtl(ttlMs: number): number {
  return Math.floor(ttlMs * (1 - 0.1 * Math.random()));
}
