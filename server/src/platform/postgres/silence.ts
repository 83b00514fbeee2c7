import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";

/** A connection that a firewall or NAT between here and PostgreSQL has forgotten: what was sent has not arrived, or its answer is lost. */
export class ConnectionForgotten extends Error {}

/** How often statements are looked at, and how long one is silent before PostgreSQL is asked what it knows of it, in ms. */
const lookEveryMs = 500;
const silentMs = 1_500;
const words = "the connection was forgotten between here and the database";
/** How long an answer that has left may be on its way, in ms. */
const onItsWayMs = 200;

const activity = "select pid from pg_stat_activity where pid = any($1) and state not like 'idle%'";

/**
 * Notices connections that are open here and forgotten elsewhere, which nobody else tells: a statement is silent, and PostgreSQL, asked
 * on a fresh connection, does not work on it. Those are cut off, and with them what lay idle as long.
 */
export function watchSilence(pool: pg.Pool, connection: () => pg.ClientConfig) {
  const pids = new WeakMap<pg.ClientBase, number>();
  const waiting = new Map<pg.ClientBase, { since: number }>();
  /** Asked about already: what is slow stays slow, and its own deadline ends it. */
  const known = new WeakSet<{ since: number }>();
  let looking = false;

  async function look(): Promise<void> {
    const late = performance.now() - silentMs;
    const silent = [...waiting].filter(([, wait]) => wait.since < late && !known.has(wait));
    if (silent.length === 0) return;
    for (const [, wait] of silent) known.add(wait);
    const busy = await busyOf(silent.map(([client]) => pids.get(client) ?? 0));
    await delay(onItsWayMs);
    const forgotten = silent.filter(
      ([client, wait]) => waiting.get(client) === wait && !busy.has(pids.get(client) ?? 0),
    );
    if (forgotten.length === 0) return;
    for (const [client] of forgotten) cut(client, new ConnectionForgotten(words));
    const idle = await Promise.allSettled(Array.from({ length: pool.idleCount }, () => pool.connect()));
    for (const lent of idle) {
      if (lent.status === "rejected") continue;
      cut(lent.value, new ConnectionForgotten(words));
      lent.value.release(true);
    }
  }

  async function busyOf(asked: number[]): Promise<ReadonlySet<number>> {
    const client = new pg.Client({ ...connection(), connectionTimeoutMillis: 2_000, query_timeout: 2_000 });
    client.on("error", () => undefined);
    try {
      await client.connect();
      const { rows } = await client.query<{ pid: number }>(activity, [asked]);
      return new Set(rows.map(({ pid }) => pid));
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    // Who cannot be asked is away altogether, which the statements' own deadlines tell.
    void look()
      .catch(() => undefined)
      .finally(() => (looking = false));
  }, lookEveryMs).unref();
  return {
    /** Of a new connection: as PostgreSQL numbers it, whatever a pooler in between says. */
    opened: (client: pg.ClientBase, pid: number): void => void pids.set(client, pid),
    /** A statement has been sent. */
    sent: (client: pg.ClientBase): void => void waiting.set(client, { since: performance.now() }),
    /** Its answer or its error is here. */
    answered: (client: pg.ClientBase): void => void waiting.delete(client),
    [Symbol.dispose]: (): void => clearInterval(timer),
  };
}

/** Closes a connection without waiting for anybody; its statement fails with `why`. */
export function cut(client: pg.ClientBase, why?: Error): void {
  const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
  stream.destroy(why);
}
