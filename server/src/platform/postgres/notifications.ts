import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { createBackoff } from "../backoff.ts";
import { errorLine } from "../error-line.ts";
import { statement } from "./statement.ts";

export interface NotificationOptions {
  /** Of pg. */
  connection: pg.ClientConfig;
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
export function openNotifications(options: NotificationOptions) {
  const { channel, beat } = options;
  const backoff = createBackoff({ first: 50, longest: 2_000, random: Math.random });
  let current: pg.Client | undefined;
  let listening = false;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  async function connect(): Promise<void> {
    const client = new pg.Client({
      ...options.connection,
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs,
      keepAlive: true,
      application_name: "om-messenger bus",
    });
    current = client;
    client.on("error", (error) => lost(client, error));
    client.on("end", () => lost(client, new Error("the connection was lost")));
    client.on("notification", ({ payload = "" }) => options.onNotified(payload));
    try {
      await client.connect();
      // Nothing that is notified needs to survive a crash.
      await client.query(`set synchronous_commit = off; set statement_timeout = ${timeoutMs}; listen ${channel}`);
      await send([beat.text]);
    } catch (error) {
      return lost(client, error);
    }
    if (client !== current) return;
    backoff.reset();
    listening = true;
    options.onChange(true);
  }

  function lost(client: pg.Client, error: unknown): void {
    if (client !== current) return;
    const wasListening = listening;
    [current, listening] = [undefined, false];
    cut(client);
    if (stopped) return;
    if (wasListening) options.onChange(false);
    options.onDisconnected(errorLine(error));
    timer = setTimeout(() => void connect(), backoff.next()).unref();
  }

  /** Notifies all of them in one transaction, each below 8,000 bytes. @throws what went wrong; then the connection is made anew */
  async function send(texts: readonly string[]): Promise<void> {
    const client = current;
    if (client === undefined) throw new Error("not connected");
    try {
      await client.query({ ...notify, values: [channel, texts] });
    } catch (error) {
      lost(client, error);
      throw error;
    }
  }

  const beats = setInterval(() => {
    if (listening) send([beat.text]).catch(() => undefined);
  }, beat.everyMs).unref();
  return {
    start: (): void => void connect(),
    get listening(): boolean {
      return listening;
    },
    send,
    async [Symbol.asyncDispose](): Promise<void> {
      [stopped, listening] = [true, false];
      clearInterval(beats);
      clearTimeout(timer);
      const client = current;
      current = undefined;
      if (client === undefined) return;
      await Promise.race([client.end(), delay(partingMs)]);
      cut(client);
    },
  };
}

/** Without a word, as nobody may be there to hear it. */
function cut(client: pg.Client): void {
  const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
  stream.destroy();
}
