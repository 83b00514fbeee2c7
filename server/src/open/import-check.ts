import type { Queries } from "../platform/postgres/database.ts";
import { SchemaError } from "../platform/postgres/migrate.ts";
import { only, statement } from "../platform/postgres/statement.ts";

const hasImported = statement<{ found: boolean }>(
  "import_check.found",
  "select to_regclass('import_progress') is not null as found",
);
// Planned when it runs: only then is the table known to be there.
const unfinished = {
  name: "",
  text: "select bool_or(step = 'source') and not bool_or(step = 'finished') as begun, bool_or(step = 'finished') as done from import_progress",
};

/** Whether people were brought here from a first server. */
export async function hasFinishedImport(db: Queries): Promise<boolean> {
  if (!only(await db.query(hasImported, [])).found) return false;
  return (await db.query<{ done: boolean | null }>(unfinished, []))[0]?.done === true;
}

/** Half of the first server's data must not be served, nor written to. @throws SchemaError that says how to go on */
export async function refuseHalfImport(db: Queries): Promise<void> {
  if (!only(await db.query(hasImported, [])).found) return;
  const [row] = await db.query<{ begun: boolean | null }>(unfinished, []);
  if (row?.begun === true) {
    throw new SchemaError(
      "an import into this database has begun and is not finished: run npm run import with the same --from again, it goes on where it was;" +
        " or begin anew with an empty database",
    );
  }
}
