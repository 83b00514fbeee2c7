import { every, type PeriodicTask } from "../periodic-task.ts";
import { Breaker } from "./breaker.ts";
import type { Endpoint } from "./connection.ts";
import { identify } from "./handshake.ts";
import { Reconnecting } from "./reconnecting.ts";
import {
  unavailable,
  type Arg,
  type BreakerState,
  type Commands,
  type FailureReason,
  type ReadyCheck,
  type Redis,
  type RedisUnavailable,
  type Reply,
  type Script,
} from "./redis.ts";
import { createScripts, type Scripts } from "./scripts.ts";
import type { SubscribeEndpoints } from "./subscriber.ts";

export interface RedisOptions {
  endpoint: Endpoint;
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

/** How long the answer to a recovery ping may take, in ms: as long as a read waits. */
const pingTimeoutMs = 10;
/** For loading scripts that Redis has forgotten, in ms. */
const loadTimeoutMs = 200;
/** How often a server is asked whether it is still what it was, in ms, and how long its answer may take. */
const watchEveryMs = 500;
const watchTimeoutMs = 200;

/** Errors that every command would get. Those of a full server, or of one bad key, come from a server that works. */
const serverWide = /^(LOADING|BUSY|MASTERDOWN|NOAUTH)\b/;

export class RedisClient implements Redis {
  readonly isSharded = false;
  /** Where to hear what is published here. */
  readonly endpoints: SubscribeEndpoints = {
    next: () => this.#options.endpoint,
    serves: (identity) => this.identity === undefined || this.identity === identity,
  };
  /** One way to each server there is. */
  readonly servers: readonly Commands[] = [this];
  readonly #options: RedisOptions;
  readonly #scripts: Scripts;
  readonly #breaker = new Breaker(() => performance.now());
  readonly #connections: Reconnecting;
  readonly #listeners: ((usable: boolean) => void)[] = [];
  #watch: PeriodicTask | undefined;
  #pingTimer: NodeJS.Timeout | undefined;
  #isPinging = false;
  #isDisposed = false;
  #usable = false;
  #reloading = false;
  #reportedAt = Number.NEGATIVE_INFINITY;

  constructor(options: RedisOptions) {
    this.#options = options;
    this.#scripts = createScripts(options.scripts ?? []);
    this.#connections = new Reconnecting({
      endpoint: () => options.endpoint,
      scripts: this.#scripts,
      random: options.random ?? Math.random,
      onAnswer: (ms) => {
        this.#breaker.succeeded();
        options.onAnswer?.(ms);
      },
      onFailure: (error) => this.#failed(error),
      onChange: () => {
        this.#update();
        if (this.#connections.ready !== undefined) void this.#ping();
      },
      onDisconnected: (why) => this.#reportDisconnected(why),
    });
  }

  get usable(): boolean {
    return this.#usable;
  }

  get identity(): string | undefined {
    return this.#connections.ready?.identity;
  }

  get breaker(): BreakerState {
    return this.#breaker.state;
  }

  onReady(check: ReadyCheck): void {
    this.#connections.addCheck(check);
  }

  onUsable(listener: (usable: boolean) => void): void {
    this.#listeners.push(listener);
  }

  start(): void {
    this.#connections.start();
    // That no answer came is noticed by the connection.
    this.#watch ??= every(
      watchEveryMs,
      () => this.#checkIdentity(),
      () => undefined,
    );
  }

  call(timeoutMs: number, command: string, ...args: Arg[]): Promise<Reply> {
    const { ready } = this.#connections;
    return this.#usable && ready !== undefined ? ready.call(timeoutMs, command, ...args) : this.#refuse();
  }

  script(timeoutMs: number, script: Script, keys: readonly string[], args: readonly Arg[]): Promise<Reply> {
    const { ready } = this.#connections;
    return this.#usable && ready !== undefined ? ready.script(timeoutMs, script, keys, args) : this.#refuse();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    clearTimeout(this.#pingTimer);
    this.#connections.dispose();
    await this.#watch?.[Symbol.asyncDispose]();
  }

  #refuse(): Promise<never> {
    const error = unavailable(this.#breaker.state);
    this.#options.onFailure?.(error.reason, error.message);
    return Promise.reject(error);
  }

  #failed(error: RedisUnavailable): void {
    this.#options.onFailure?.(error.reason, error.message);
    const { reason, message } = error;
    if (reason === "timeout") this.#breaker.timedOut();
    else if (reason === "disconnected" || (reason === "error" && serverWide.test(message))) this.#breaker.failed();
    else if (reason === "error") this.#breaker.succeeded();
    this.#planPing();
    this.#update();
    if (reason !== "error") return;
    if (message.startsWith("NOSCRIPT")) void this.#reload();
    // A failover has happened: the name may lead to another server by now, and this one is not to be read either.
    if (message.startsWith("READONLY")) this.#connections.ready?.close("this Redis has become a replica");
  }

  #planPing(): void {
    if (this.#breaker.state === "closed" || this.#isPinging || this.#isDisposed) return;
    this.#pingTimer ??= setTimeout(() => void this.#ping(), this.#breaker.pause).unref();
  }

  /** Pings Redis, at once and then again and again, until the breaker is closed. */
  async #ping(): Promise<void> {
    if (this.#breaker.state === "closed" || this.#isPinging || this.#isDisposed) return;
    clearTimeout(this.#pingTimer);
    this.#pingTimer = undefined;
    const { ready } = this.#connections;
    if (ready !== undefined) {
      this.#isPinging = true;
      this.#breaker.pinged(await ready.call(pingTimeoutMs, "PING").then(yes, no));
      this.#isPinging = false;
      this.#update();
    }
    this.#planPing();
  }

  /** A server that was a replica for a while has other data than before, and its clients stay connected. */
  async #checkIdentity(): Promise<void> {
    const { ready } = this.#connections;
    if (ready === undefined) return;
    const { id, isMaster } = await identify((command, section) => ready.call(watchTimeoutMs, command, section));
    if (!isMaster) ready.close("this Redis has become a replica");
    else if (id !== ready.identity) ready.close("this Redis has other data than before");
  }

  async #reload(): Promise<void> {
    const { ready } = this.#connections;
    if (ready === undefined || this.#reloading) return;
    this.#reloading = true;
    await this.#scripts.load(ready, loadTimeoutMs).catch((error: Error) => this.#reportDisconnected(error.message));
    this.#reloading = false;
  }

  #update(): void {
    const usable = this.#connections.ready !== undefined && this.#breaker.state === "closed";
    if (usable === this.#usable) return;
    this.#usable = usable;
    for (const listener of this.#listeners) listener(usable);
  }

  #reportDisconnected(why: string): void {
    const now = performance.now();
    if (now - this.#reportedAt < 1_000) return;
    this.#reportedAt = now;
    this.#options.onDisconnected?.(why);
  }
}

const yes = (): boolean => true;
const no = (): boolean => false;
