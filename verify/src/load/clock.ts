import type { Ms } from "../history/events.ts";

const origin = process.hrtime.bigint();

/** Milliseconds since this process began, finer than a microsecond, never going back; the same in all threads of it. */
export function now(): Ms {
  return Number(process.hrtime.bigint() - origin) / 1e6;
}

/** How another clock stood when ours stood at `at`. */
export interface ClockPair {
  readonly at: Ms;
  readonly other: number;
  /** How long the question took; the answer is from somewhere within. */
  readonly took: Ms;
}

/** Pairs that took longer than this, in ms, and than twice the quickest one are of no use: a busy machine answers late. */
const quickEnough = 1;

/** From the best pairs of each stretch of time; in between, the clocks drift apart evenly. */
export function createClockMap(pairs: readonly ClockPair[], stretch = 10_000): (other: number) => Ms {
  const most = Math.max(quickEnough, 2 * Math.min(...pairs.map(({ took }) => took)));
  const best = new Map<number, ClockPair>();
  for (const pair of pairs) {
    const slot = Math.floor(pair.at / stretch);
    const known = best.get(slot);
    if (pair.took <= most && (known === undefined || pair.took < known.took)) best.set(slot, pair);
  }
  const sorted = [...best.values()].sort((a, b) => a.at - b.at);
  const offset = ({ at, other }: ClockPair): number => at - other;
  return (other) => {
    const after = sorted.findIndex((pair) => pair.other > other);
    const right = sorted[after === -1 ? sorted.length - 1 : after];
    const left = sorted[after === -1 ? sorted.length - 1 : Math.max(0, after - 1)];
    if (left === undefined || right === undefined) throw new Error("the clocks were never compared");
    const span = right.other - left.other;
    const share = span === 0 ? 0 : (other - left.other) / span;
    return other + offset(left) + (offset(right) - offset(left)) * Math.min(1, Math.max(0, share));
  };
}
