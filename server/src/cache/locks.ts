import type { Queries } from "../platform/postgres/database.ts";
import { statement } from "../platform/postgres/statement.ts";

const lock = statement<never>("cache.lock", "select lock_objects($1)");

/**
 * Takes the locks of these names in ascending order; held until the transaction ends. First of all in a transaction, and all at once:
 * what is read before a lock is held may be old, and locks taken one by one can wait for each other in a circle.
 */
export async function lockObjects(queries: Queries, names: readonly string[]): Promise<void> {
  await queries.query(lock, [names]);
}
