import { createBackoff } from "../backoff.ts";
import { Connection, type ConnectionEvents, type Endpoint } from "./connection.ts";
import { failureText } from "./failure-text.ts";
import { handshake } from "./handshake.ts";
import type { Commands, RedisUnavailable, Script } from "./redis.ts";

interface ReconnectingOptions {
  /** Where to connect; asked before each attempt. */
  endpoint: () => Endpoint;
  /** Loaded into each of them; one that is new is loaded with the others from then on. */
  scripts: Set<Script>;
  random: () => number;
  onAnswer: (ms: number) => void;
  /** A command failed. */
  onFailure: (error: RedisUnavailable) => void;
  /** The last step before a connection may be used; one that fails it is refused. */
  prepare: (identity: string, connection: Commands) => Promise<unknown>;
  /** There is a usable connection now, or none any more. */
  onChange: () => void;
  /** A connection was not made, lost or refused. */
  onDisconnected: (why: string) => void;
  /** Something was published in a channel that `prepare` has subscribed to; must not throw. */
  onPublished?: (payload: Buffer) => void;
  /** A connection is given up when a command has had no answer for so long. Default: 250 */
  stallAfterMs?: number;
}

/** A connection that was usable for so long, in ms, was a good one: the wait for the next begins anew. */
const stableAfterMs = 2_000;

/** One connection after the other, for ever. */
export class Reconnecting {
  readonly #options: ReconnectingOptions;
  readonly #backoff;
  #connection: Connection | undefined;
  #isReady = false;
  #readyAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #disposed = false;

  constructor(options: ReconnectingOptions) {
    this.#options = options;
    this.#backoff = createBackoff({ first: 50, longest: 2_000, random: options.random });
  }

  /** The connection to use, if there is one. Closed, it makes room for the next. */
  get ready(): Connection | undefined {
    return this.#isReady ? this.#connection : undefined;
  }

  start(): void {
    if (this.#disposed || this.#connection !== undefined) return;
    const endpoint = this.#options.endpoint();
    const { onAnswer, onFailure, onPublished, stallAfterMs, scripts } = this.#options;
    const events: ConnectionEvents = {
      answered: onAnswer,
      failed: onFailure,
      connected: () => void this.#prepare(connection, endpoint),
      closed: (why) => this.#closed(why),
      ...(onPublished && { published: onPublished }),
    };
    const connection: Connection = new Connection(endpoint, events, { stallAfterMs, scripts });
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
      connection.identity = identity;
      await this.#options.prepare(identity, connection);
      if (connection.closed) return;
      this.#isReady = true;
      this.#readyAt = performance.now();
      this.#options.onChange();
    } catch (error) {
      connection.close(failureText(error));
    }
  }

  #closed(why: string): void {
    const wasReady = this.#isReady;
    this.#connection = undefined;
    this.#isReady = false;
    if (wasReady) this.#options.onChange();
    if (this.#disposed) return;
    this.#options.onDisconnected(why);
    if (wasReady && performance.now() - this.#readyAt >= stableAfterMs) this.#backoff.reset();
    this.#timer = setTimeout(() => this.start(), this.#backoff.next()).unref();
  }
}
