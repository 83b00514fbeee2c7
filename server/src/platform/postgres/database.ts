import pg from "pg";
import { serverFacts, type Primary, type ServerFacts } from "./primary.ts";
import { ConnectionForgotten, cut, watchSilence } from "./silence.ts";
import { only, type Statement } from "./statement.ts";
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

/** The connection was lost between here and the database, which is there: another try finds a new one. */
export const isForgotten = (error: unknown): boolean =>
  error instanceof DatabaseUnavailable && error.cause instanceof ConnectionForgotten;

export interface DatabaseOptions {
  /** Of pg: a connection string, or host and so on. `primary`: the one that takes writes by then, and nothing else is used. */
  connection: pg.ClientConfig | Primary;
  poolSize: number;
  /** A connection of the pool broke while idle, or a command failed for want of the database. */
  onOutage: (error: unknown) => void;
  /** It answers again, and nothing has failed for a second. */
  onBack?: (() => void) | undefined;
  /** The database ended a statement that may be tried again. Default: an outage. */
  onConflict?: ((error: unknown) => void) | undefined;
}

/** How long nothing must have failed before an outage is over, in ms. */
const settleMs = 1_000;

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
  const loss = watchLoss(options);
  const { pool, silence, cutAll } = openConnections(options, loss.lost);
  const withClient = lend(pool, loss.translate);

  async function run<Row>(
    client: pg.PoolClient,
    statement: Statement<Row>,
    values: readonly unknown[],
    query: (config: pg.QueryConfig) => Promise<pg.QueryResult> = (config) => client.query(config),
  ): Promise<Row[]> {
    silence.sent(client);
    try {
      const result = await query({ name: statement.name, text: statement.text, values: values as unknown[] });
      loss.answered();
      return result.rows as Row[];
    } catch (error) {
      // It was fenced, or is a standby now: what it tells is as old as that.
      if (codeOf(error) === readOnly) cutAll("the database takes no writes any more");
      throw loss.translate(error);
    } finally {
      silence.answered(client);
    }
  }

  return {
    query: (statement, values) => withClient((client) => run(client, statement, values)),
    transaction: (work, { marked = false } = {}) =>
      withClient((client, onBroken) =>
        runTransaction(work, {
          first: (statement, values) =>
            run(client, statement, values, (config) => queryAsFirst(client, config, marked)),
          next: (statement, values) => run(client, statement, values),
          rollBack: () => client.query("rollback").catch(onBroken),
        }),
      ),
    pool: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    [Symbol.asyncDispose]() {
      silence[Symbol.dispose]();
      return pool.end();
    },
  };
}

/** Lends a connection; one that failed for want of the database is not used again. */
function lend(pool: pg.Pool, translate: (error: unknown) => unknown) {
  return async <T>(work: (client: pg.PoolClient, onBroken: (error: Error) => void) => Promise<T>): Promise<T> => {
    if (pool.waitingCount >= maxWaiting) throw new DatabaseUnavailable(new Error("too many wait for a connection"));
    const client = await pool.connect().catch((error: unknown) => {
      throw translate(error);
    });
    let broken: Error | undefined;
    // The statements of the work fail by themselves; an error that nobody listens to would end the process.
    const onBroken = (error: Error): void => void (broken = error);
    client.on("error", onBroken);
    try {
      return await work(client, onBroken);
    } catch (error) {
      if (error instanceof DatabaseUnavailable) broken = error;
      throw error;
    } finally {
      client.removeListener("error", onBroken);
      client.release(broken);
    }
  };
}

/** @param lost hears of a connection that broke while it was idle */
function openConnections({ connection: to, poolSize }: DatabaseOptions, lost: (error: unknown) => void) {
  const primary = primaryOf(to);
  const connection = (): pg.ClientConfig => ("check" in to ? to.connection() : to);
  const clients = new Set<pg.ClientBase>();
  const cutAll = (why: string): void => clients.forEach((client) => cut(client, new ConnectionForgotten(why)));
  primary?.onMoved(() => cutAll("another server is the primary"));
  const pool = openPool(
    { poolSize, onOutage: lost, Client: clientOf(connection, clients) },
    async (client, { pid, ...facts }) => {
      if (primary?.check(facts).isPromoted === true) await client.query("select begin_timeline()");
      silence.opened(client, pid);
    },
  );
  const silence = watchSilence(pool, connection);
  return { pool, silence, cutAll };
}

const primaryOf = (connection: DatabaseOptions["connection"]): Primary | undefined =>
  "check" in connection ? connection : undefined;

/** BEGIN goes out with the first statement, so without one there is nothing to commit. */
async function runTransaction<T>(
  work: (queries: Queries) => Promise<T>,
  on: { first: Queries["query"]; next: Queries["query"]; rollBack: () => Promise<unknown> },
): Promise<T> {
  let begun = false;
  const query: Queries["query"] = (statement, values) => {
    if (begun) return on.next(statement, values);
    begun = true;
    return on.first(statement, values);
  };
  try {
    const value = await work({ query });
    if (begun) await on.next(commit, []);
    return value;
  } catch (error) {
    // What the work itself threw, such as a refusal, is not the database's doing.
    if (!(error instanceof DatabaseUnavailable)) await on.rollBack();
    throw error;
  }
}

/** Tells when the database is lost and when it is back, and turns its outages into `DatabaseUnavailable`. */
function watchLoss(options: DatabaseOptions) {
  let lostAt: number | undefined;
  const lost = (error: unknown): void => {
    lostAt = performance.now();
    primaryOf(options.connection)?.suspect();
    options.onOutage(error);
  };
  return {
    lost,
    answered(): void {
      if (lostAt === undefined || performance.now() - lostAt <= settleMs) return;
      lostAt = undefined;
      options.onBack?.();
    },
    translate(error: unknown): unknown {
      if (!isOutage(error)) return error;
      const report = isConflict(error) ? (options.onConflict ?? lost) : lost;
      report(error);
      return new DatabaseUnavailable(error);
    },
  };
}

/** The pool's connections: each goes to where `connection` says when it is made, and is in `all` until it ends. */
function clientOf(connection: () => pg.ClientConfig, all: Set<pg.ClientBase>): new () => pg.ClientBase {
  return class extends pg.Client {
    constructor(config?: pg.ClientConfig) {
      super({ ...config, ...connection() });
      all.add(this);
      this.once("end", () => all.delete(this));
    }
  };
}

function openPool(
  { poolSize, onOutage, Client }: Pick<DatabaseOptions, "poolSize" | "onOutage"> & Pick<pg.PoolConfig, "Client">,
  opened: (client: pg.ClientBase, facts: ServerFacts & { pid: number }) => Promise<void>,
): pg.Pool {
  const pool = new pg.Pool({
    Client,
    max: poolSize,
    idleTimeoutMillis: 0,
    connectionTimeoutMillis: 5_000,
    query_timeout: statementTimeout + 2_000,
    // So that what lies between does not forget an idle connection, and the kernel notices one that is gone.
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    application_name: "om-messenger",
    types: typeParsers,
    // The pool waits for the promise; its types do not say so.
    // oxlint-disable-next-line typescript/no-misused-promises
    onConnect: async (client) => {
      const results: unknown = await client.query(
        `deallocate all; ${ownSettings("session")}; set statement_timeout = ${statementTimeout};` +
          ` set lock_timeout = 5000; set idle_in_transaction_session_timeout = 5000;` +
          // A statement is planned once for each connection: planning it for its values costs up to ten times its execution.
          ` set plan_cache_mode = force_generic_plan; select pg_backend_pid() as pid, ${serverFacts}`,
      );
      await opened(client, only((results as pg.QueryResult<ServerFacts & { pid: number }>[]).at(-1)?.rows ?? []));
      await prepareStart(client);
    },
  });
  pool.on("error", (error) => onOutage(error));
  return pool;
}

/**
 * SQLSTATEs that another try may not meet: idle in a transaction for too long, serialization failure, deadlock and a lock that was not
 * free in time.
 */
const retryable: ReadonlySet<string> = new Set(["25P03", "40001", "40P01", "55P03"]);
/** SQLSTATE of a write to a server that takes none. */
const readOnly = "25006";
const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;

/** It answers, and did not let this one through: those, and a statement that took too long. */
function isConflict(error: unknown): boolean {
  const code = codeOf(error);
  return typeof code === "string" && (code === "57014" || retryable.has(code));
}

/** Connection errors, shutdowns, time-outs and conflicts; not the errors that a statement itself earns. */
function isOutage(error: unknown): boolean {
  if (error instanceof DatabaseUnavailable || !(error instanceof Error)) return false;
  const code = codeOf(error);
  // An error of the server carries an SQLSTATE of five characters; whatever has none came from the connection or the pool.
  if (typeof code !== "string" || !/^[0-9A-Z]{5}$/.test(code)) return true;
  return /^(08|53|57)/.test(code) || code === readOnly || retryable.has(code);
}

/** SQLSTATE of a unique violation, with the name of the constraint. */
export function violatedConstraint(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, constraint } = error as { code?: unknown; constraint?: unknown };
  return code === "23505" && typeof constraint === "string" ? constraint : undefined;
}
