import type { Endpoint } from "./connection.ts";
import { Reconnecting } from "./reconnecting.ts";

/** Where what is published can be heard: one server, or any master of a cluster. */
export interface SubscribeEndpoints {
  /** The one to connect to now; asked before each attempt. */
  next(): Endpoint;
  /** Whether what is published reaches the server of this identity; while that is not known, any will do. */
  serves(identity: string): boolean;
}

export interface SubscriberOptions {
  endpoints: SubscribeEndpoints;
  channel: string;
  /** Must not throw. */
  onPublished: (payload: Buffer) => void;
  /** It listens now, or no longer. */
  onChange: (listening: boolean) => void;
  /** No connection could be made, or it was lost or refused; a text without secrets. */
  onDisconnected: (why: string) => void;
  /** Default: Math.random */
  random?: () => number;
}

/** How long the answer to SUBSCRIBE may take, in ms. */
const timeoutMs = 200;
/** How often the server is asked whether it is still there, in ms. */
const beatMs = 2_000;
/** What a slow server has published comes late; what it has published for a connection that was given up is lost. So it is given time, in ms. */
const stallAfterMs = 5_000;

/**
 * Listens to one channel on a connection of its own, for ever: a lost one is made again (at a cluster with another of its masters), and a
 * server that does not answer for 5 s is left. What is published while it does not listen never comes.
 */
export class Subscriber implements AsyncDisposable {
  readonly #options: SubscriberOptions;
  readonly #connections: Reconnecting;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(options: SubscriberOptions) {
    this.#options = options;
    this.#connections = new Reconnecting({
      endpoint: () => options.endpoints.next(),
      scripts: new Set(),
      random: options.random ?? Math.random,
      onAnswer: () => undefined,
      onFailure: () => undefined,
      onChange: () => options.onChange(this.listening),
      onDisconnected: options.onDisconnected,
      // In capitals the driver would fail at the answer, where nobody can catch it.
      prepare: (_identity, commands) => commands.call(timeoutMs, "subscribe", options.channel),
      onPublished: options.onPublished,
      stallAfterMs,
    });
  }

  get listening(): boolean {
    return this.#connections.ready !== undefined;
  }

  start(): void {
    this.#connections.start();
    this.#heartbeat ??= setInterval(() => this.#beat(), beatMs).unref();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#heartbeat);
    this.#connections.dispose();
  }

  #beat(): void {
    const { ready } = this.#connections;
    if (ready === undefined) return;
    // After a failover the old server may live on, without anybody who publishes there.
    if (!this.#options.endpoints.serves(ready.identity ?? "")) return ready.close("the others use another Redis");
    // That no answer came is noticed by the connection.
    ready.call(stallAfterMs, "PING").catch(() => undefined);
  }
}
