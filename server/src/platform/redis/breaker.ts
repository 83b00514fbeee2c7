import type { BreakerState } from "./redis.ts";

/** Time-outs in a row that open it. */
const tooManyTimeouts = 5;
/** Or this share of errors, of at least that many calls within the window, in ms. */
const tooManyErrors = { share: 0.2, calls: 50, window: 1_000 };
/** Good trials in a row that close it. */
const goodTrials = 3;
/** Between two trials, in ms; doubled after each that fails. */
const trialPause = { first: 250, longest: 2_000 };

/**
 * Counts how calls end and says when to stop asking. Open, it wants trials; enough good ones in a row close it. It counts as
 * errors what a trial would meet too, or it could never rightly close.
 */
export class Breaker {
  readonly #now: () => number;
  #state: BreakerState = "closed";
  #timeouts = 0;
  #windowSince = 0;
  #calls = 0;
  #errors = 0;
  #good = 0;
  #pause = trialPause.first;

  constructor(now: () => number) {
    this.#now = now;
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** How long to wait for the next trial, in ms. */
  get pause(): number {
    return this.#pause;
  }

  succeeded(): void {
    this.#timeouts = 0;
    this.#calls += 1;
  }

  timedOut(): void {
    this.#timeouts += 1;
    this.failed();
    if (this.#state === "closed" && this.#timeouts >= tooManyTimeouts) this.#open();
  }

  failed(): void {
    const now = this.#now();
    if (now - this.#windowSince >= tooManyErrors.window) {
      this.#windowSince = now;
      this.#calls = 0;
      this.#errors = 0;
    }
    this.#calls += 1;
    this.#errors += 1;
    const many = this.#calls >= tooManyErrors.calls && this.#errors > this.#calls * tooManyErrors.share;
    if (this.#state === "closed" && many) this.#open();
  }

  /** A trial has ended. */
  tried(good: boolean): void {
    if (this.#state === "closed") return;
    if (!good) {
      this.#state = "open";
      this.#good = 0;
      this.#pause = Math.min(this.#pause * 2, trialPause.longest);
      return;
    }
    this.#state = "half open";
    this.#good += 1;
    this.#pause = trialPause.first;
    if (this.#good < goodTrials) return;
    this.#state = "closed";
    this.#timeouts = 0;
    this.#calls = 0;
    this.#errors = 0;
  }

  #open(): void {
    this.#state = "open";
    this.#good = 0;
    this.#pause = trialPause.first;
  }
}
