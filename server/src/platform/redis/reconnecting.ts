import { createBackoff } from "./backoff.ts";
import { Connection, type ConnectionEvents, type Endpoint } from "./connection.ts";
import { failureText } from "./failure-text.ts";
import { handshake } from "./handshake.ts";
import type { Arg, Commands, ReadyCheck, RedisUnavailable, Reply, Script } from "./redis.ts";
import type { Scripts } from "./scripts.ts";

/** A connection that may be used, and the identity of the server it talks to. */
export interface ReadyConnection extends Commands {
  readonly identity: string;
  /** Gives it up; the next one is made. */
  close(why: string): void;
}

interface ReconnectingOptions {
  /** Where to connect; asked before each attempt. */
  endpoint: () => Endpoint;
  scripts: Scripts;
  random: () => number;
  onAnswer: (ms: number) => void;
  /** A command failed. */
  onFailure: (error: RedisUnavailable) => void;
  /** There is a usable connection now, or none any more. */
  onChange: () => void;
  /** A connection was not made, lost or refused. */
  onDisconnected: (why: string) => void;
  /** Something was published in a channel that a check has subscribed to; must not throw. */
  onPublished?: (payload: Buffer) => void;
  /** A connection is given up when a command has had no answer for so long. Default: 250 */
  stallAfterMs?: number;
}

/** A connection that was usable for so long, in ms, was a good one: the wait for the next begins anew. */
const stableAfterMs = 2_000;

/** One connection after the other, for ever. */
export class Reconnecting {
  readonly #options: ReconnectingOptions;
  readonly #checks: ReadyCheck[] = [];
  readonly #backoff;
  #connection: Connection | undefined;
  #ready: ReadyConnection | undefined;
  #readyAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #disposed = false;

  constructor(options: ReconnectingOptions) {
    this.#options = options;
    this.#backoff = createBackoff({ first: 50, longest: 2_000, random: options.random });
  }

  /** The connection to use, if there is one. */
  get ready(): ReadyConnection | undefined {
    return this.#ready;
  }

  addCheck(check: ReadyCheck): void {
    this.#checks.push(check);
  }

  start(): void {
    if (this.#disposed || this.#connection !== undefined) return;
    const endpoint = this.#options.endpoint();
    const { onAnswer, onFailure, onPublished, stallAfterMs } = this.#options;
    const events: ConnectionEvents = {
      answered: onAnswer,
      failed: onFailure,
      connected: () => void this.#prepare(connection, endpoint),
      closed: (why) => this.#closed(why),
      ...(onPublished && { published: onPublished }),
    };
    const connection: Connection = new Connection(endpoint, events, stallAfterMs);
    this.#connection = connection;
  }

  dispose(): void {
    this.#disposed = true;
    clearTimeout(this.#timer);
    this.#connection?.close("the server stops");
  }

  /** Makes a connection fit for use, or closes it. */
  async #prepare(connection: Connection, endpoint: Endpoint): Promise<void> {
    try {
      const identity = await handshake(connection, endpoint, this.#options.scripts);
      const ready = this.#readyOf(connection, identity);
      for (const check of this.#checks) {
        if (!(await check(identity, ready))) throw new Error("the connection was refused");
      }
      if (connection.closed) return;
      this.#ready = ready;
      this.#readyAt = performance.now();
      this.#options.onChange();
    } catch (error) {
      connection.close(failureText(error));
    }
  }

  #readyOf(connection: Connection, identity: string): ReadyConnection {
    const { scripts } = this.#options;
    return {
      identity,
      call: (timeoutMs: number, command: string, ...args: Arg[]): Promise<Reply> =>
        connection.call(timeoutMs, command, ...args),
      script: (timeoutMs: number, script: Script, keys: readonly string[], args: readonly Arg[]): Promise<Reply> =>
        connection.call(timeoutMs, "EVALSHA", scripts.digest(script), keys.length, ...keys, ...args),
      close: (why) => connection.close(why),
    };
  }

  #closed(why: string): void {
    const wasGood = this.#ready !== undefined && performance.now() - this.#readyAt >= stableAfterMs;
    const wasReady = this.#ready !== undefined;
    this.#connection = undefined;
    this.#ready = undefined;
    if (wasReady) this.#options.onChange();
    if (this.#disposed) return;
    this.#options.onDisconnected(why);
    if (wasGood) this.#backoff.reset();
    this.#timer = setTimeout(() => this.start(), this.#backoff.next()).unref();
  }
}
