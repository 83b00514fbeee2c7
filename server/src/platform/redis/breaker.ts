import type { BreakerState } from "./redis.ts";

/** Moments in a row with time-outs that open it. */
const tooManyTimeouts = 5;
/** Calls that were made together are late together, within so many ms: one pause of Redis, or of this machine, is one moment. */
const moment = 4;
/** Or this share of errors, of at least that many calls of this and the last window, in ms. */
const tooManyErrors = { share: 0.2, calls: 50, window: 500 };
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
  #timedOutAt = Number.NEGATIVE_INFINITY;
  #window = { since: 0, calls: 0, errors: 0 };
  #lastWindow = { calls: 0, errors: 0 };
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
    this.#currentWindow().calls += 1;
  }

  timedOut(): void {
    const now = this.#now();
    if (now - this.#timedOutAt >= moment) {
      this.#timeouts += 1;
      this.#timedOutAt = now;
    }
    this.failed();
    if (this.#state === "closed" && this.#timeouts >= tooManyTimeouts) this.#open();
  }

  failed(): void {
    const window = this.#currentWindow();
    window.calls += 1;
    window.errors += 1;
    const calls = window.calls + this.#lastWindow.calls;
    const errors = window.errors + this.#lastWindow.errors;
    const many = calls >= tooManyErrors.calls && errors > calls * tooManyErrors.share;
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
    this.#window = { since: this.#now(), calls: 0, errors: 0 };
    this.#lastWindow = { calls: 0, errors: 0 };
  }

  #currentWindow(): { calls: number; errors: number } {
    const now = this.#now();
    const age = now - this.#window.since;
    if (age < tooManyErrors.window) return this.#window;
    this.#lastWindow = age < 2 * tooManyErrors.window ? this.#window : { calls: 0, errors: 0 };
    this.#window = { since: now, calls: 0, errors: 0 };
    return this.#window;
  }

  #open(): void {
    this.#state = "open";
    this.#good = 0;
    this.#pause = trialPause.first;
  }
}
