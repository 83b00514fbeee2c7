import type { Place } from "./conversation-row.ts";

/** Spreads conversations over write lanes; a whole number. */
export function laneKey(place: Place): number {
  const [a, b] = "groupId" in place ? [0, place.groupId] : [place.lo, place.hi];
  const mixed = Math.imul(a | 0, 0x9e3779b1) ^ Math.imul(b | 0, 0x85ebca6b);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
