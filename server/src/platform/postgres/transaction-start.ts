import pg from "pg";

const begin = { name: "begin", text: "begin" };
const mark = { name: "mark", text: "set local om.marked = '1'" };

/** Makes what a transaction begins with known to a new connection, by name. */
export async function prepareStart(client: pg.ClientBase): Promise<void> {
  await client.query(begin);
  await client.query(mark);
  await client.query("rollback");
}

/**
 * Runs a statement as the first of a transaction, whose BEGIN goes out with it: one trip to the server and back, and none of it is done
 * if a part fails. @param marked the guard of sql/functions/invalidate-unmarked.sql has nothing to do
 */
export function queryAsFirst(
  client: pg.ClientBase,
  statement: pg.QueryConfig,
  marked: boolean,
): Promise<pg.QueryResult> {
  return new Promise((resolve, reject) => {
    // One result for each command that was executed.
    const query = new pg.Query(statement, (error, results) => {
      const last = [results].flat().at(-1);
      if (last === undefined) reject(error ?? new Error("a statement without a result"));
      else resolve(last);
    });
    const { submit } = query;
    query.submit = (connection) => {
      connection.stream.cork();
      for (const { name } of marked ? [begin, mark] : [begin]) {
        connection.bind({ statement: name }, true);
        connection.execute(null, true);
      }
      const refused = submit.call(query, connection);
      connection.stream.uncork();
      return refused;
    };
    client.query(query);
  });
}
