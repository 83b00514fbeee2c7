import type { BreakerState } from "./redis.ts";

/** Bursts of time-outs in a row that open it. */
const tooManyTimeouts = 5;
/** Calls that were made together are late together, within so many ms: one pause of Redis, or of this machine, is one burst. */
const burstMs = 4;
/** Or this share of errors, in so many bursts, of at least that many calls of this and the last window, in ms. */
const tooManyErrors = { share: 0.2, bursts: 3, calls: 50, window: 500 };

interface Window {
  calls: number;
  errors: number;
  /** Of errors. */
  bursts: number;
}
const empty: Readonly<Window> = { calls: 0, errors: 0, bursts: 0 };
/** Good recovery pings in a row that close it. */
const pingsToClose = 3;
/** Between two recovery pings, in ms; doubled after each that fails. */
const pingPause = { first: 250, longest: 2_000 };

/**
 * Counts how calls end and says when to stop asking. Open, it wants recovery pings; enough good ones in a row close it. It counts as
 * errors what a ping would meet too, or it could never rightly close.
 */
export class Breaker {
  readonly #now: () => number;
  #state: BreakerState = "closed";
  #timeouts = 0;
  #failedAt = Number.NEGATIVE_INFINITY;
  #window = { since: 0, ...empty };
  #lastWindow: Readonly<Window> = empty;
  #good = 0;
  #pause = pingPause.first;

  constructor(now: () => number) {
    this.#now = now;
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** How long to wait for the next recovery ping, in ms. */
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

  /** @returns whether that is another burst than the last time */
  #failed(): boolean {
    const now = this.#now();
    const isNew = now - this.#failedAt >= burstMs;
    if (isNew) this.#failedAt = now;
    const [window, last] = [this.#currentWindow(), this.#lastWindow];
    window.calls += 1;
    window.errors += 1;
    window.bursts += Number(isNew);
    const [calls, errors] = [window.calls + last.calls, window.errors + last.errors];
    const isOften = window.bursts + last.bursts >= tooManyErrors.bursts && calls >= tooManyErrors.calls;
    if (this.#state === "closed" && isOften && errors > calls * tooManyErrors.share) this.#open();
    return isNew;
  }

  /** A recovery ping has ended. */
  pinged(good: boolean): void {
    if (this.#state === "closed") return;
    if (!good) {
      this.#state = "open";
      this.#good = 0;
      this.#pause = Math.min(this.#pause * 2, pingPause.longest);
      return;
    }
    this.#state = "half open";
    this.#good += 1;
    this.#pause = pingPause.first;
    if (this.#good < pingsToClose) return;
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
    this.#pause = pingPause.first;
  }
}
