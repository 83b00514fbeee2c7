import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import type pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { BackupRefused, parts, type Manifest } from "./backup-folder.ts";
import { quoted } from "./dump-tables.ts";

const foreignKeys = `
  select conrelid::regclass::text as from, confrelid::regclass::text as to
  from pg_constraint where contype = 'f' and conrelid <> confrelid and connamespace = 'public'::regnamespace`;

/** Fills the tables of a migrated, empty database, all or none. @throws BackupRefused when a table does not hold what it should */
export async function loadTables(client: pg.Client, folder: string, manifest: Manifest): Promise<void> {
  await client.query(
    "begin; set local search_path = public; set local datestyle = 'ISO'; set local statement_timeout = 0",
  );
  const { rows: keys } = await client.query<{ from: string; to: string }>(foreignKeys);
  const tables = inOrder(manifest.tables, keys);
  // Migrations have written a few rows. What others refer to them is of the moment and not in a backup, or was not there yet.
  await client.query(`truncate ${tables.map(({ name }) => quoted(name)).join(", ")} cascade`);
  for (const { name, columns, rows } of tables) {
    const table = quoted(name);
    await client.query(`alter table ${table} disable trigger user`);
    const copy = client.query(copyFrom(`copy ${table} (${columns.map(quoted).join(", ")}) from stdin`));
    await pipeline(createReadStream(parts(folder).table(name)), createGunzip(), copy);
    if (copy.rowCount !== rows) throw new BackupRefused(`${name} holds ${copy.rowCount} rows, not ${rows}`);
    await client.query(`alter table ${table} enable trigger user`);
  }
  for (const [name, last] of Object.entries(manifest.sequences)) {
    await client.query("select setval($1::regclass, $2::bigint)", [quoted(name), last]);
  }
  // What a Redis may hold of the time after the backup is not of this data.
  await client.query("update cache_control set epoch = new_cache_epoch()");
  await client.query("commit; analyze");
}

/** Tables after those that their foreign keys name. */
function inOrder<T extends { name: string }>(tables: readonly T[], keys: readonly { from: string; to: string }[]): T[] {
  const done = new Set<string>();
  const ordered: T[] = [];
  for (let left = [...tables]; left.length > 0;) {
    const ready = left.filter(({ name }) => keys.every(({ from, to }) => from !== name || done.has(to)));
    if (ready.length === 0) throw new BackupRefused("the backup lacks a table that others name");
    for (const table of ready) {
      done.add(table.name);
      ordered.push(table);
    }
    left = left.filter(({ name }) => !done.has(name));
  }
  return ordered;
}
