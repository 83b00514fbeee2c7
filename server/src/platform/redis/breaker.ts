import type { BreakerState } from "./redis.ts";

/** Moments in a row with time-outs that open it. */
const tooManyTimeouts = 5;
/** Calls that were made together are late together, within so many ms: one pause of Redis, or of this machine, is one moment. */
const moment = 4;
/** Or this share of errors, at so many moments, of at least that many calls of this and the last window, in ms. */
const tooManyErrors = { share: 0.2, moments: 3, calls: 50, window: 500 };

interface Window {
  calls: number;
  errors: number;
  /** At which there were errors. */
  moments: number;
}
const empty: Readonly<Window> = { calls: 0, errors: 0, moments: 0 };
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
  #failedAt = Number.NEGATIVE_INFINITY;
  #window = { since: 0, ...empty };
  #lastWindow: Readonly<Window> = empty;
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
    if (this.#failed()) this.#timeouts += 1;
    if (this.#state === "closed" && this.#timeouts >= tooManyTimeouts) this.#open();
  }

  failed(): void {
    this.#failed();
  }

  /** @returns whether that is another moment than the last time */
  #failed(): boolean {
    const now = this.#now();
    const isNew = now - this.#failedAt >= moment;
    if (isNew) this.#failedAt = now;
    const [window, last] = [this.#currentWindow(), this.#lastWindow];
    window.calls += 1;
    window.errors += 1;
    window.moments += Number(isNew);
    const [calls, errors] = [window.calls + last.calls, window.errors + last.errors];
    const isOften = window.moments + last.moments >= tooManyErrors.moments && calls >= tooManyErrors.calls;
    if (this.#state === "closed" && isOften && errors > calls * tooManyErrors.share) this.#open();
    return isNew;
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
    this.#window = { since: this.#now(), ...empty };
    this.#lastWindow = empty;
  }

  #currentWindow(): Window {
    const now = this.#now();
    const age = now - this.#window.since;
    if (age < tooManyErrors.window) return this.#window;
    this.#lastWindow = age < 2 * tooManyErrors.window ? this.#window : empty;
    this.#window = { since: now, ...empty };
    return this.#window;
  }

  #open(): void {
    this.#state = "open";
    this.#good = 0;
    this.#pause = trialPause.first;
  }
}
