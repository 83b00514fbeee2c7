import { every, type PeriodicTask } from "../periodic-task.ts";
import { Breaker } from "./breaker.ts";
import type { Endpoint } from "./connection.ts";
import { identify } from "./handshake.ts";
import { Reconnecting } from "./reconnecting.ts";
import {
  refusal,
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
import type { Stations } from "./subscriber.ts";

export interface RedisOptions {
  endpoint: Endpoint;
  /** Loaded into every connection before it is used. */
  scripts?: readonly Script[];
  /** A call was answered in time. */
  onAnswer?: (ms: number) => void;
  /** @param text as the caller is told */
  onFailure?: (reason: FailureReason, text: string) => void;
  /** No connection could be made, or it was lost or refused; once per second at most, a text without secrets. */
  onTrouble?: (why: string) => void;
  /** Default: Math.random */
  random?: () => number;
}

/** How long an answer to a trial of an open breaker may take, in ms: as long as a read waits. */
const trialDeadline = 10;
/** For loading scripts that Redis has forgotten, in ms. */
const loadDeadline = 200;
/** How often a server is asked whether it is still what it was, in ms, and how long its answer may take. */
const watchPeriod = 500;
const watchDeadline = 200;

/** Errors that every command would get. Those of a full server, or of one bad key, come from a server that works. */
const serverWide = /^(LOADING|BUSY|MASTERDOWN|NOAUTH)\b/;

export class RedisClient implements Redis {
  readonly isSharded = false;
  /** Where to hear what is published here. */
  readonly stations: Stations = {
    next: () => this.#options.endpoint,
    has: (runId) => this.runId === undefined || this.runId === runId,
  };
  /** One way to each server there is. */
  readonly servers: readonly Commands[] = [this];
  readonly #options: RedisOptions;
  readonly #scripts: Scripts;
  readonly #breaker = new Breaker(() => performance.now());
  readonly #connections: Reconnecting;
  readonly #listeners: ((usable: boolean) => void)[] = [];
  #watch: PeriodicTask | undefined;
  #trial: NodeJS.Timeout | undefined;
  #isTrying = false;
  #isDisposed = false;
  #usable = false;
  #reloading = false;
  #troubleAt = Number.NEGATIVE_INFINITY;

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
        if (this.#connections.ready !== undefined) void this.#try();
      },
      onTrouble: (why) => this.#trouble(why),
    });
  }

  get usable(): boolean {
    return this.#usable;
  }

  get runId(): string | undefined {
    return this.#connections.ready?.runId;
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
      watchPeriod,
      () => this.#lookWho(),
      () => undefined,
    );
  }

  call(deadlineMs: number, command: string, ...args: Arg[]): Promise<Reply> {
    const { ready } = this.#connections;
    return this.#usable && ready !== undefined ? ready.call(deadlineMs, command, ...args) : this.#refuse();
  }

  script(deadlineMs: number, script: Script, keys: readonly string[], args: readonly Arg[]): Promise<Reply> {
    const { ready } = this.#connections;
    return this.#usable && ready !== undefined ? ready.script(deadlineMs, script, keys, args) : this.#refuse();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    clearTimeout(this.#trial);
    this.#connections.dispose();
    await this.#watch?.[Symbol.asyncDispose]();
  }

  #refuse(): Promise<never> {
    const error = refusal(this.#breaker.state);
    this.#options.onFailure?.(error.reason, error.message);
    return Promise.reject(error);
  }

  #failed(error: RedisUnavailable): void {
    this.#options.onFailure?.(error.reason, error.message);
    const { reason, message } = error;
    if (reason === "timeout") this.#breaker.timedOut();
    else if (reason === "disconnected" || (reason === "error" && serverWide.test(message))) this.#breaker.failed();
    else if (reason === "error") this.#breaker.succeeded();
    this.#planTrial();
    this.#update();
    if (reason !== "error") return;
    if (message.startsWith("NOSCRIPT")) void this.#reload();
    // A failover has happened: the name may lead to another server by now, and this one is not to be read either.
    if (message.startsWith("READONLY")) this.#connections.ready?.abandon("this Redis has become a replica");
  }

  #planTrial(): void {
    if (this.#breaker.state === "closed" || this.#isTrying || this.#isDisposed) return;
    this.#trial ??= setTimeout(() => void this.#try(), this.#breaker.pause).unref();
  }

  /** Tries Redis, at once and then again and again, until the breaker is closed. */
  async #try(): Promise<void> {
    if (this.#breaker.state === "closed" || this.#isTrying || this.#isDisposed) return;
    clearTimeout(this.#trial);
    this.#trial = undefined;
    const { ready } = this.#connections;
    if (ready !== undefined) {
      this.#isTrying = true;
      this.#breaker.tried(await ready.call(trialDeadline, "PING").then(yes, no));
      this.#isTrying = false;
      this.#update();
    }
    this.#planTrial();
  }

  /** A server that was a replica for a while has other data than before, and its clients stay connected. */
  async #lookWho(): Promise<void> {
    const { ready } = this.#connections;
    if (ready === undefined) return;
    const { id, isMaster } = await identify((command, section) => ready.call(watchDeadline, command, section));
    if (!isMaster) ready.abandon("this Redis has become a replica");
    else if (id !== ready.runId) ready.abandon("this Redis has other data than before");
  }

  async #reload(): Promise<void> {
    const { ready } = this.#connections;
    if (ready === undefined || this.#reloading) return;
    this.#reloading = true;
    await this.#scripts.load(ready, loadDeadline).catch((error: Error) => this.#trouble(error.message));
    this.#reloading = false;
  }

  #update(): void {
    const usable = this.#connections.ready !== undefined && this.#breaker.state === "closed";
    if (usable === this.#usable) return;
    this.#usable = usable;
    for (const listener of this.#listeners) listener(usable);
  }

  #trouble(why: string): void {
    const now = performance.now();
    if (now - this.#troubleAt < 1_000) return;
    this.#troubleAt = now;
    this.#options.onTrouble?.(why);
  }
}

const yes = (): boolean => true;
const no = (): boolean => false;
