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
  readonly size: BucketSize;
  /** Taken since others were told. */
  untold = 0;
  #tokens: number;
  #filledAt: number;

  constructor(size: BucketSize, at: number) {
    this.size = size;
    this.#tokens = size.burst;
    this.#filledAt = at;
  }

  /** Takes `cost` tokens, even those that are not there. @returns ms to wait before going on; above `slowestMs` there were too few */
  take(cost: number, at: number): number {
    const { perSecond, burst } = this.size;
    this.#fill(at);
    this.#tokens -= cost;
    this.untold += cost;
    if (this.#tokens >= burst / 2) return 0;
    if (this.#tokens >= 0) return slowestMs * (1 - (2 * this.#tokens) / burst);
    return slowestMs + (-this.#tokens / perSecond) * 1000;
  }

  /** Gives back what was taken in vain. */
  giveBack(cost: number): void {
    this.#tokens += cost;
    this.untold -= cost;
  }

  /** Others have taken as well: `level` is what is left but for what is not told yet. */
  lower(level: number, at: number): void {
    this.#fill(at);
    this.#tokens = Math.min(this.#tokens, level - this.untold);
  }

  #fill(at: number): void {
    const { perSecond, burst } = this.size;
    this.#tokens = Math.min(burst, this.#tokens + (Math.max(0, at - this.#filledAt) / 1000) * perSecond);
    this.#filledAt = at;
  }
}
