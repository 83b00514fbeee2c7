import pg from "pg";

/** One connection to a database, for what the benchmark itself asks and writes there. */
export interface Database extends AsyncDisposable {
  query(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
}

/** What is written by it never says that it was not marked: it is new, so nobody has read it. */
export async function openDatabase(at: pg.ClientConfig): Promise<Database> {
  const client = new pg.Client({ ...at, connectionTimeoutMillis: 10_000, query_timeout: 600_000 });
  // Its server may be ended first.
  client.on("error", () => undefined);
  await client.connect();
  await client.query("set om.marked = '1'");
  return {
    query: async (text, values) => (await client.query<Record<string, unknown>>(text, values)).rows,
    [Symbol.asyncDispose]: () => client.end(),
  };
}
