import { every, type PeriodicTask } from "../periodic-task.ts";
import { BaseClient, type ClientOptions } from "./base-client.ts";
import { Breaker } from "./breaker.ts";
import type { Endpoint } from "./connection.ts";
import { identify } from "./handshake.ts";
import { Reconnecting } from "./reconnecting.ts";
import type { BreakerState, Commands, Redis, RedisUnavailable, Script } from "./redis.ts";
import { loadScripts } from "./scripts.ts";
import type { SubscribeEndpoints } from "./subscriber.ts";

export interface RedisOptions extends ClientOptions {
  endpoint: Endpoint;
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

export class RedisClient extends BaseClient implements Redis {
  readonly isSharded = false;
  /** Where to hear what is published here. */
  readonly endpoints: SubscribeEndpoints = {
    next: () => this.#options.endpoint,
    serves: (identity) => this.identity === undefined || this.identity === identity,
  };
  /** One way to each server there is. */
  readonly servers: readonly Commands[] = [this];
  readonly #options: RedisOptions;
  /** Those of the options, and what was called since. */
  readonly #scripts: Set<Script>;
  readonly #breaker = new Breaker(() => performance.now());
  readonly #connections: Reconnecting;
  #watch: PeriodicTask | undefined;
  #pingTimer: NodeJS.Timeout | undefined;
  #isPinging = false;
  #reloading = false;

  constructor(options: RedisOptions) {
    super(options);
    this.#options = options;
    this.#scripts = new Set(options.scripts);
    this.#connections = new Reconnecting({
      endpoint: () => options.endpoint,
      scripts: this.#scripts,
      random: options.random ?? Math.random,
      onAnswer: (ms) => {
        this.#breaker.succeeded();
        options.onAnswer?.(ms);
      },
      onFailure: (error) => this.#failed(error),
      prepare: (identity, connection) => this.runChecks(identity, connection),
      onChange: () => {
        this.#update();
        if (this.#connections.ready !== undefined) void this.#ping();
      },
      onDisconnected: (why) => this.reportDisconnected(why),
    });
  }

  get identity(): string | undefined {
    return this.#connections.ready?.identity;
  }

  get breaker(): BreakerState {
    return this.#breaker.state;
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

  async [Symbol.asyncDispose](): Promise<void> {
    this.isDisposed = true;
    clearTimeout(this.#pingTimer);
    this.#connections.dispose();
    await this.#watch?.[Symbol.asyncDispose]();
  }

  protected override get way(): Commands | undefined {
    return this.#connections.ready;
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
    if (this.#breaker.state === "closed" || this.#isPinging || this.isDisposed) return;
    this.#pingTimer ??= setTimeout(() => void this.#ping(), this.#breaker.pause).unref();
  }

  /** Pings Redis, at once and then again and again, until the breaker is closed. */
  async #ping(): Promise<void> {
    if (this.#breaker.state === "closed" || this.#isPinging || this.isDisposed) return;
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
    await loadScripts(ready, this.#scripts, loadTimeoutMs).catch((error: Error) =>
      this.reportDisconnected(error.message),
    );
    this.#reloading = false;
  }

  #update(): void {
    this.setUsable(this.#connections.ready !== undefined && this.#breaker.state === "closed");
  }
}

const yes = (): boolean => true;
const no = (): boolean => false;
