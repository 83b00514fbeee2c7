/** Spreads conversations over lanes: the same whole number for both directions of a pair. */
export function pairKey(a: number, b: number): number {
  const mixed = Math.imul(Math.min(a, b) | 0, 0x9e3779b1) ^ Math.imul(Math.max(a, b) | 0, 0x85ebca6b);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
