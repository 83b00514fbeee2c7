import {
  unavailable,
  type Arg,
  type BreakerState,
  type Commands,
  type FailureReason,
  type ReadyCheck,
  type Redis,
  type Reply,
  type Script,
} from "./redis.ts";

export interface ClientOptions {
  /** Loaded into every connection before it is used. */
  scripts?: readonly Script[];
  /** A call was answered in time. */
  onAnswer?: (ms: number) => void;
  /** @param text as the caller is told */
  onFailure?: (reason: FailureReason, text: string) => void;
  /** No connection could be made, or it was lost or refused; once per second at most, a text without secrets. */
  onDisconnected?: (why: string) => void;
  /** Default: Math.random */
  random?: () => number;
}

/** What the client of one server and that of a cluster have in common. */
export abstract class BaseClient implements Commands, Pick<Redis, "usable" | "breaker" | "onReady" | "onUsable"> {
  abstract readonly breaker: BreakerState;
  protected isDisposed = false;
  readonly #options: ClientOptions;
  readonly #checks: ReadyCheck[] = [];
  readonly #listeners: ((usable: boolean) => void)[] = [];
  #usable = false;
  #reportedAt = Number.NEGATIVE_INFINITY;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  get usable(): boolean {
    return this.#usable;
  }

  onReady(check: ReadyCheck): void {
    this.#checks.push(check);
  }

  onUsable(listener: (usable: boolean) => void): void {
    this.#listeners.push(listener);
  }

  call(timeoutMs: number, command: string, ...args: Arg[]): Promise<Reply> {
    const { way } = this;
    return this.#usable && way !== undefined ? way.call(timeoutMs, command, ...args) : this.refuse();
  }

  script(timeoutMs: number, script: Script, keys: readonly string[], args: readonly Arg[]): Promise<Reply> {
    const { way } = this;
    return this.#usable && way !== undefined ? way.script(timeoutMs, script, keys, args) : this.refuse();
  }

  /** Where calls go. */
  protected abstract get way(): Commands | undefined;

  protected refuse(): Promise<never> {
    const error = unavailable(this.breaker);
    this.#options.onFailure?.(error.reason, error.message);
    return Promise.reject(error);
  }

  protected setUsable(usable: boolean): void {
    if (usable === this.#usable) return;
    this.#usable = usable;
    for (const listener of this.#listeners) listener(usable);
  }

  /** @throws Error when a ready check refuses the connection */
  protected async runChecks(identity: string, commands: Commands): Promise<void> {
    for (const check of this.#checks) {
      if (!(await check(identity, commands))) throw new Error("the connection was refused");
    }
  }

  protected reportDisconnected(why: string): void {
    const now = performance.now();
    if (this.isDisposed || now - this.#reportedAt < 1_000) return;
    this.#reportedAt = now;
    this.#options.onDisconnected?.(why);
  }
}
