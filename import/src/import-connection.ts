import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { ownSettings, type Queries } from "@om/server/platform/postgres/database";
import { only, statement, type Statement } from "@om/server/platform/postgres/statement";
import { typeParsers } from "@om/server/platform/postgres/type-parsers";

/** How long one statement of an import may take, in ms: the longest sorts a whole table. */
const statementTimeout = 30 * 60_000;

/** The import cannot begin as things are; the message is one line for the operator. */
export class ImportRefused extends Error {}

/** The other side cannot be reached or went away; the message is one line for the operator. */
export class ConnectionLost extends Error {}

/**
 * One connection to one of the two databases. Every wait has a deadline; an outage shows as `ConnectionLost`.
 * @throws ConnectionLost when there is no way to the database
 */
export async function openConnection(name: "source" | "target", connection: pg.ClientConfig) {
  const client = new pg.Client({
    ...connection,
    connectionTimeoutMillis: 10_000,
    query_timeout: statementTimeout + 10_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    application_name: "om-import",
    types: typeParsers,
  });
  // What breaks while nothing runs is seen by the next statement.
  client.on("error", () => undefined);
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw translate(name, error);
    }
  };
  await guarded(() => client.connect());
  const script = (text: string): Promise<void> => guarded(async () => void (await client.query(text)));
  // Where the tables of the first server are is its operator's choice.
  const settings = name === "target" ? ownSettings("session") : "set timezone = 'UTC'; set datestyle = 'ISO'";
  await script(
    `deallocate all; ${settings}; set statement_timeout = ${statementTimeout}; set lock_timeout = '60s';` +
      ` set jit = off; set work_mem = '64MB'; set plan_cache_mode = force_custom_plan;` +
      // What is brought here makes its own versions; a new epoch tells the cache of all of it.
      ` set idle_in_transaction_session_timeout = ${statementTimeout}; set om.marked = '1'`,
  );
  return {
    /** One SQL text of several statements, without parameters or rows. */
    script,
    query: <Row>(statement: Statement<Row>, values: readonly unknown[]) =>
      guarded(async () => {
        const result = await client.query({ name: statement.name, text: statement.text, values: values as unknown[] });
        return result.rows as Row[];
      }),
    /** Commits what `run` did, or rolls all of it back when it throws. */
    async transaction<T>(run: () => Promise<T>): Promise<T> {
      await script("begin");
      try {
        const value = await run();
        await script("commit");
        return value;
      } catch (error) {
        if (!(error instanceof ConnectionLost)) await script("rollback").catch(() => undefined);
        throw error;
      }
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await Promise.race([client.end().catch(() => undefined), delay(2_000, undefined, { ref: false })]);
    },
  };
}
export type ImportConnection = Awaited<ReturnType<typeof openConnection>>;

/** An error that the statement itself earned stays what it is. */
function translate(name: string, error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const code: unknown = (error as { code?: unknown }).code;
  const earned = typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) && !/^(08|53|57|28|3D)/.test(code);
  return earned ? error : new ConnectionLost(`the ${name} database cannot be reached or went away: ${error.message}`);
}

/** A query whose rows come in pages, by a cursor of the transaction. */
export interface Paged<Row> {
  declare: Statement<never>;
  fetch: Statement<Row>;
}

export function paged<Row>(name: string, rows: number, query: string): Paged<Row> {
  return {
    declare: statement(`import.${name}`, `declare ${name} no scroll cursor for ${query}`),
    fetch: statement(`import.fetch_${name}`, `fetch ${rows} from ${name}`),
  };
}

export async function* pages<Row>(db: Queries, { declare, fetch }: Paged<Row>): AsyncGenerator<Row[]> {
  await db.query(declare, []);
  for (let rows = await db.query(fetch, []); rows.length > 0; rows = await db.query(fetch, [])) yield rows;
}

/** Rows with ids above `after` up to `last`; gaps between ids do not count. */
export interface Span {
  after: number;
  last: number;
  rows: number;
}

/** Finds the next span of a table. */
export const nextSpan = (table: string): Statement<{ last: number | null; rows: number }> =>
  statement(
    `import.span_of_${table}`,
    `select max(id) as last, count(*) as rows from (select id from ${table} where id > $1 order by id limit $2) s`,
  );

/** All rows of a table, at most `size` in each span. */
export async function* spans(db: Queries, next: ReturnType<typeof nextSpan>, size: number): AsyncGenerator<Span> {
  for (let after = 0; ;) {
    const { last, rows } = only(await db.query(next, [after, size]));
    if (last === null) return;
    yield { after, last, rows };
    after = last;
  }
}
