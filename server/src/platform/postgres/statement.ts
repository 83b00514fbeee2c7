/**
 * A named prepared statement: its text goes to the server once per connection. Every statement is made at module level with
 * `statement()`, so that one test can prepare them all on the migrated schema.
 */
export interface Statement<Row> {
  readonly name: string;
  readonly text: string;
  /** It only reads, and takes long enough to be worth a replica that has all that was acknowledged before. */
  readonly onReplica?: true;
  /** Only a type: what a row looks like. */
  readonly row?: Row;
}

const known = new Map<string, Statement<unknown>>();

/** @param name unique, `<store>.<what>`, 63 bytes at most */
export function statement<Row>(
  name: string,
  text: string,
  where: Pick<Statement<Row>, "onReplica"> = {},
): Statement<Row> {
  if (known.has(name) || name.length > 63) throw new Error(`statement name ${name} is taken or too long`);
  const made: Statement<Row> = { name, text, ...where };
  known.set(name, made);
  return made;
}

/** The row of a statement that always returns one. */
export function only<T>(rows: readonly T[]): T {
  const [row] = rows;
  if (row === undefined) throw new Error("a statement that always returns a row returned none");
  return row;
}

/** All statements of the modules loaded so far. */
export function allStatements(): Statement<unknown>[] {
  return [...known.values()];
}
