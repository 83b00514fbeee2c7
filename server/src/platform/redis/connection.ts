import { createRequire } from "node:module";
import type { ConnectionOptions } from "node:tls";
import type * as ioredis from "ioredis";
import { failureText, replyText } from "./failure-text.ts";
import { PendingCommands, systemTimers, type PendingEvents } from "./pending-commands.ts";
import { RedisUnavailable, type Arg, type Commands, type FailureReason, type Reply, type Script } from "./redis.ts";
import { digestOf } from "./scripts.ts";

/** Where a Redis is and who we are there; empty texts mean none. */
export interface Endpoint {
  host: string;
  port: number;
  username: string;
  password: string;
  db: number;
  /** Undefined: without TLS. */
  tls: ConnectionOptions | undefined;
  /** It is a node of a cluster. Default: no */
  inCluster?: boolean;
}

export interface ConnectionEvents extends Omit<PendingEvents, "stalled"> {
  /** It takes commands; nobody has logged in yet. */
  connected(): void;
  /** It is over, once; `why` is a text for people, without secrets. */
  closed(why: string): void;
  /** Something was published in a channel that this connection has subscribed to; must not throw. */
  published?: (payload: Buffer) => void;
}

/** Loaded with the first connection: a server without Redis starts sooner. */
const load = createRequire(import.meta.url);
/** How long a connection may take to be made, in ms. */
const connectTimeout = 2_000;
/** Commands that may be under way; beyond it calls fail at once. */
const maxPending = 2_000;

/**
 * One TCP connection to Redis, from its making to its end; it never comes back. Login, database and everything else that wants
 * deadlines is left to the caller, so the driver keeps its own state to nothing.
 */
export class Connection implements Commands {
  /** Of the server at the other end, once the handshake has told it. */
  identity: string | undefined;
  readonly #driver: ioredis.Redis;
  readonly #events: ConnectionEvents;
  readonly #scripts: Set<Script>;
  readonly #pending: PendingCommands;
  #corked = false;
  #closed = false;
  #why = "the connection was closed";

  /** @param options.stallAfterMs it is closed when a command has had no answer for so long; `scripts`: gets what is called */
  constructor(
    { host, port, tls }: Endpoint,
    events: ConnectionEvents,
    { stallAfterMs = 250, scripts = new Set() }: { stallAfterMs?: number | undefined; scripts?: Set<Script> } = {},
  ) {
    this.#events = events;
    this.#scripts = scripts;
    const stalled = (): void => this.close(`no answer for ${stallAfterMs} ms`);
    this.#pending = new PendingCommands({ ...events, stalled }, systemTimers, stallAfterMs);
    const { Redis } = load("ioredis") as typeof ioredis;
    this.#driver = new Redis({
      host,
      port,
      ...(tls === undefined ? {} : { tls }),
      protocol: 2,
      lazyConnect: true,
      connectTimeout,
      retryStrategy: null,
      enableReadyCheck: false,
      disableClientInfo: true,
      enableOfflineQueue: false,
      enableAutoPipelining: false,
      autoResendUnfulfilledCommands: false,
      autoResubscribe: false,
      maxRetriesPerRequest: 0,
    });
    this.#driver.on("ready", () => this.#closed || this.#ready());
    // Whatever the driver calls an error, of the socket or of the protocol, there is no going on after it.
    this.#driver.on("error", (error) => this.close(failureText(error)));
    this.#driver.on("end", () => this.close(this.#why));
    const { published } = events;
    if (published !== undefined) {
      this.#driver.on("messageBuffer", (_channel, payload) => this.#closed || published(payload));
    }
    this.#driver.connect().catch(() => undefined);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** @throws RedisUnavailable */
  call(timeoutMs: number, command: string, ...args: Arg[]): Promise<Reply> {
    if (this.#closed) return this.#refuse("disconnected");
    if (this.#pending.size >= maxPending) return this.#refuse("overload");
    this.#cork();
    return this.#pending.add(timeoutMs, (done) => {
      void this.#driver.callBuffer(command, args, (error, reply) => {
        if (error === null || error === undefined) done(reply as Reply);
        else if (error.name === "ReplyError") done(new RedisUnavailable("error", replyText(error)));
        else done(new RedisUnavailable("disconnected"));
      });
    });
  }

  script(timeoutMs: number, script: Script, keys: readonly string[], args: readonly Arg[]): Promise<Reply> {
    this.#scripts.add(script);
    return this.call(timeoutMs, "EVALSHA", digestOf(script), keys.length, ...keys, ...args);
  }

  /** Ends it at once; what is under way fails. */
  close(why: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#driver.disconnect();
    // The driver would wait for the other side's farewell. There may be no stream yet, whatever its types say.
    const { stream }: { stream?: { destroy(): unknown } } = this.#driver;
    stream?.destroy();
    this.#pending.close();
    this.#events.closed(why);
  }

  #refuse(reason: FailureReason): Promise<never> {
    const error = new RedisUnavailable(reason);
    this.#events.failed(error);
    return Promise.reject(error);
  }

  #ready(): void {
    // The driver listens for the first error only; another one that nobody hears would end the process.
    this.#driver.stream.on("error", () => undefined);
    this.#why = "the connection was lost";
    this.#events.connected();
  }

  /** What is sent until this tick ends leaves together. */
  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    const { stream } = this.#driver;
    stream.cork();
    process.nextTick(() => {
      this.#corked = false;
      this.#pending.sent();
      stream.uncork();
    });
  }
}
