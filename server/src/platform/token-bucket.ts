/** A bucket that is full holds `burst` tokens, and `perSecond` come back. */
export interface BucketSize {
  perSecond: number;
  burst: number;
}

/** The longest wait for a token that is there. */
export const slowestMs = 1_000;

/**
 * Slows first and refuses later: the first half of a full bucket costs nothing, each token of the other half a wait, the longer the fewer are
 * left, and beyond that one waits until they have come back. Whoever waits each time is served at `perSecond` for ever.
 */
export class TokenBucket {
  readonly #size: BucketSize;
  readonly #factor: number;
  #tokens: number;
  #filledAt: number;

  /** @param factor how many times as much as the size says */
  constructor(size: BucketSize, at: number, factor = 1) {
    this.#size = size;
    this.#factor = factor;
    this.#tokens = size.burst * factor;
    this.#filledAt = at;
  }

  /** Takes `cost` tokens, even those that are not there. @returns ms to wait before going on; above `slowestMs` there were too few */
  take(cost: number, at: number): number {
    const [perSecond, burst] = [this.#size.perSecond * this.#factor, this.#size.burst * this.#factor];
    this.#tokens = Math.min(burst, this.#tokens + (Math.max(0, at - this.#filledAt) / 1000) * perSecond) - cost;
    this.#filledAt = at;
    if (this.#tokens >= burst / 2) return 0;
    if (this.#tokens >= 0) return slowestMs * (1 - (2 * this.#tokens) / burst);
    return slowestMs + (-this.#tokens / perSecond) * 1000;
  }

  /** Gives back what was taken in vain. */
  giveBack(cost: number): void {
    this.#tokens += cost;
  }
}
