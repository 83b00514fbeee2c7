import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { createBackoff } from "../backoff.ts";
import { errorLine } from "../error-line.ts";
import type { Primary } from "./primary.ts";
import { cut } from "./silence.ts";
import { statement } from "./statement.ts";

export interface NotificationOptions {
  primary: Pick<Primary, "connection" | "onMoved">;
  /** A name of lower-case letters and underscores. */
  channel: string;
  /** Notified as soon as this listens, and so often afterwards, in ms, which shows that the connection lives. */
  beat: { text: string; everyMs: number };
  /** In the order of the commits of all who notify, this one too; must not throw. */
  onNotified: (text: string) => void;
  /** It listens now, or no longer. */
  onChange: (listening: boolean) => void;
  /** No connection could be made, or it was lost; a text without secrets. */
  onDisconnected: (why: string) => void;
}

/** How long an answer may take, and a farewell, in ms. */
const timeoutMs = 5_000;
const partingMs = 500;

const notify = statement<never>("bus.notify", "select pg_notify($1, text) from unnest($2::text[]) as text");

/**
 * Listens to one channel of PostgreSQL, and notifies, on a connection of its own, for ever: a lost one is made again. What is notified while it
 * does not listen never comes.
 */
export class Notifications implements AsyncDisposable {
  readonly #options: NotificationOptions;
  readonly #backoff = createBackoff({ first: 50, longest: 2_000, random: Math.random });
  readonly #beats: NodeJS.Timeout;
  #client: pg.Client | undefined;
  #listening = false;
  /** A client takes one statement after the other. */
  #sent: Promise<unknown> = Promise.resolve();
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: NotificationOptions) {
    this.#options = options;
    const beat = (): void => {
      if (this.#listening) this.send([options.beat.text]).catch(() => undefined);
    };
    options.primary.onMoved(() => {
      if (this.#client !== undefined) this.#lost(this.#client, new Error("another server is the primary"));
    });
    this.#beats = setInterval(beat, options.beat.everyMs).unref();
  }

  get listening(): boolean {
    return this.#listening;
  }

  start(): void {
    void this.#connect();
  }

  /** Notifies all of them in one transaction, each below 8,000 bytes. @throws what went wrong; then the connection is made anew */
  async send(texts: readonly string[]): Promise<void> {
    const client = this.#client;
    if (client === undefined) throw new Error("not connected");
    const sent = this.#sent.then(() => client.query({ ...notify, values: [this.#options.channel, texts] }));
    this.#sent = sent.catch(() => undefined);
    try {
      await sent;
    } catch (error) {
      this.#lost(client, error);
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    [this.#stopped, this.#listening] = [true, false];
    clearInterval(this.#beats);
    clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = undefined;
    if (client === undefined) return;
    await Promise.race([client.end(), delay(partingMs)]);
    cut(client);
  }

  async #connect(): Promise<void> {
    const client = new pg.Client({
      ...this.#options.primary.connection(),
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs,
      keepAlive: true,
      application_name: "om-messenger bus",
    });
    this.#client = client;
    client.on("error", (error) => this.#lost(client, error));
    client.on("end", () => this.#lost(client, new Error("the connection was lost")));
    client.on("notification", ({ payload = "" }) => this.#options.onNotified(payload));
    try {
      await client.connect();
      // Nothing that is notified needs to survive a crash.
      const settings = `set synchronous_commit = off; set statement_timeout = ${timeoutMs}`;
      await client.query(`${settings}; listen ${this.#options.channel}`);
      await this.send([this.#options.beat.text]);
    } catch (error) {
      return this.#lost(client, error);
    }
    if (client !== this.#client) return;
    this.#backoff.reset();
    this.#listening = true;
    this.#options.onChange(true);
  }

  #lost(client: pg.Client, error: unknown): void {
    if (client !== this.#client) return;
    const wasListening = this.#listening;
    [this.#client, this.#listening] = [undefined, false];
    cut(client);
    if (this.#stopped) return;
    if (wasListening) this.#options.onChange(false);
    this.#options.onDisconnected(errorLine(error));
    this.#timer = setTimeout(() => this.start(), this.#backoff.next()).unref();
  }
}
