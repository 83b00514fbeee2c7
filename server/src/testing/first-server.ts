import { firstServerSchema, type FirstServerVariant, type PostgresServer } from "@om/services";
import pg from "pg";
import type { OldRows } from "./first-server-rows.ts";

/** Rows of one INSERT. */
const batch = 5_000;

/** A database of the first server with these rows. Foreign keys are dropped, as in databases that were repaired by hand. */
export async function createFirstServer(
  postgres: PostgresServer,
  variant: FirstServerVariant,
  rows: OldRows,
): Promise<string> {
  const url = postgres.createDatabase();
  await onDatabase(url, async (client) => {
    await client.query(firstServerSchema(variant));
    await client.query(dropForeignKeys);
    // The migrations' own row is the active one, and there may be one only.
    await client.query("update app_versions set is_active = false");
  });
  await addOldRows(url, rows);
  return url;
}

/** Rows whose keys are there already are left alone. */
export async function addOldRows(url: string, rows: Partial<OldRows>): Promise<void> {
  await onDatabase(url, async (client) => {
    for (const [table, list] of Object.entries(rows)) {
      for (let i = 0; i < list.length; i += batch) {
        const columns = Object.keys(list[0] ?? {}).join(", ");
        await client.query(
          `insert into ${table} (${columns}) select ${columns} from json_populate_recordset(null::${table}, $1)
           on conflict do nothing`,
          [JSON.stringify(list.slice(i, i + batch))],
        );
      }
    }
  });
}

/** Runs something on a connection of its own. */
export async function onDatabase<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

const dropForeignKeys = `
do $$
declare c record;
begin
  for c in select conrelid::regclass as t, conname from pg_constraint
    where contype = 'f' and connamespace = 'public'::regnamespace loop
    execute format('alter table %s drop constraint %I', c.t, c.conname);
  end loop;
end
$$`;
