import pg from "pg";
import type { Statement } from "./statement.ts";
import { prepareStart, queryAsFirst } from "./transaction-start.ts";
import { typeParsers } from "./type-parsers.ts";

/** Runs statements, each on its own or all in one transaction. */
export interface Queries {
  /** @returns the rows; int8 as number, timestamptz as RFC 3339 text in UTC with microseconds */
  query<Row>(statement: Statement<Row>, values: readonly unknown[]): Promise<Row[]>;
}

/** PostgreSQL as the features see it. Every wait has a deadline; an outage shows as `DatabaseUnavailable`. */
export interface Database extends Queries, AsyncDisposable {
  /**
   * Commits what `run` did, or rolls all of it back when it throws. `marked`: it looks after the cache itself, so the guard of
   * sql/functions/invalidate-unmarked.sql has nothing to do.
   */
  transaction<T>(run: (queries: Queries) => Promise<T>, options?: { marked?: boolean }): Promise<T>;
  /** Connections: all, idle, and callers waiting for one. */
  pool(): { total: number; idle: number; waiting: number };
}

/** The database could not be reached, went away in mid-statement or was in the way of itself; another try may succeed. */
export class DatabaseUnavailable extends Error {
  constructor(cause: unknown) {
    super("database unavailable", { cause });
  }
}

export interface DatabaseOptions {
  /** Of pg: a connection string, or host and so on. */
  connection: pg.ClientConfig;
  poolSize: number;
  /** A connection of the pool broke while idle, or a command failed for want of the database. */
  onOutage: (error: unknown) => void;
}

/** Callers that may wait for a connection; beyond it they are told at once. */
const maxWaiting = 1_000;

/** How long a statement may run, in ms; the server ends it, and the client gives up a little later. */
const statementTimeout = 10_000;

/** Settings that an operator may have changed for a database or a role, and whose values this server relies on. */
export function ownSettings(scope: "session" | "local"): string {
  const values = [
    "timezone = 'UTC'",
    "datestyle = 'ISO'",
    "search_path = public",
    "standard_conforming_strings = on",
    // What is read after a lock must be newer than the wait for it.
    "default_transaction_isolation = 'read committed'",
  ];
  return values.map((value) => `set ${scope} ${value}`).join("; ");
}

const commit: Statement<never> = { name: "", text: "commit" };

export function openDatabase(options: DatabaseOptions): Database {
  const pool = openPool(options);

  /** @throws DatabaseUnavailable */
  function checkRoom(): void {
    if (pool.waitingCount >= maxWaiting) throw new DatabaseUnavailable(new Error("too many wait for a connection"));
  }

  async function run<Row>(
    client: pg.Pool | pg.PoolClient,
    statement: Statement<Row>,
    values: readonly unknown[],
    query: (config: pg.QueryConfig) => Promise<pg.QueryResult> = (config) => client.query(config),
  ): Promise<Row[]> {
    try {
      const result = await query({ name: statement.name, text: statement.text, values: values as unknown[] });
      return result.rows as Row[];
    } catch (error) {
      throw translate(error);
    }
  }

  function translate(error: unknown): unknown {
    if (!isOutage(error)) return error;
    options.onOutage(error);
    return new DatabaseUnavailable(error);
  }

  return {
    async query(statement, values) {
      checkRoom();
      return run(pool, statement, values);
    },
    async transaction(work, { marked = false } = {}) {
      checkRoom();
      const client = await pool.connect().catch((error: unknown) => {
        throw translate(error);
      });
      let broken: Error | undefined;
      // The statements of the work fail by themselves; an error that nobody listens to would end the process.
      const onLost = (error: Error): void => void (broken = error);
      client.on("error", onLost);
      let begun = false;
      const query: Queries["query"] = (statement, values) => {
        if (begun) return run(client, statement, values);
        begun = true;
        return run(client, statement, values, (config) => queryAsFirst(client, config, marked));
      };
      try {
        const value = await work({ query });
        if (begun) await run(client, commit, []);
        return value;
      } catch (error) {
        // What the work itself threw, such as a refusal, is not the database's doing.
        if (error instanceof DatabaseUnavailable) broken = error;
        else await client.query("rollback").catch((failure: Error) => (broken = failure));
        throw error;
      } finally {
        client.removeListener("error", onLost);
        client.release(broken);
      }
    },
    pool: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    [Symbol.asyncDispose]: () => pool.end(),
  };
}

function openPool({ connection, poolSize, onOutage }: DatabaseOptions): pg.Pool {
  const pool = new pg.Pool({
    ...connection,
    max: poolSize,
    idleTimeoutMillis: 0,
    connectionTimeoutMillis: 5_000,
    query_timeout: statementTimeout + 2_000,
    keepAlive: true,
    application_name: "om-messenger",
    types: typeParsers,
    // The pool waits for the promise; its types do not say so.
    // oxlint-disable-next-line typescript/no-misused-promises
    onConnect: async (client) => {
      await client.query(
        `deallocate all; ${ownSettings("session")}; set statement_timeout = ${statementTimeout};` +
          ` set lock_timeout = 5000; set idle_in_transaction_session_timeout = 5000;` +
          // A statement is planned once for each connection: planning it for its values costs up to ten times its execution.
          ` set plan_cache_mode = force_generic_plan`,
      );
      await prepareStart(client);
    },
  });
  pool.on("error", (error) => onOutage(error));
  return pool;
}

/**
 * SQLSTATEs that another try may not meet: idle in a transaction for too long, serialization failure, deadlock, a lock that was not
 * free in time and a server that has become a read-only standby.
 */
const retryable: ReadonlySet<string> = new Set(["25P03", "40001", "40P01", "55P03", "25006"]);

/** Connection errors, shutdowns, time-outs and conflicts; not the errors that a statement itself earns. */
function isOutage(error: unknown): boolean {
  if (error instanceof DatabaseUnavailable || !(error instanceof Error)) return false;
  const code: unknown = (error as { code?: unknown }).code;
  // An error of the server carries an SQLSTATE of five characters; whatever has none came from the connection or the pool.
  if (typeof code !== "string" || !/^[0-9A-Z]{5}$/.test(code)) return true;
  return /^(08|53|57)/.test(code) || retryable.has(code);
}

/** SQLSTATE of a unique violation, with the name of the constraint. */
export function violatedConstraint(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, constraint } = error as { code?: unknown; constraint?: unknown };
  return code === "23505" && typeof constraint === "string" ? constraint : undefined;
}
