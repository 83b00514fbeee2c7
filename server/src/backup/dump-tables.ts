import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type pg from "pg";
import { to as copyTo } from "pg-copy-streams";
import { BackupRefused, parts, type Manifest } from "./backup-folder.ts";

/** Tables of ours with the columns that hold something of their own. What an import keeps for itself is not of the server. */
const tableColumns = `
  select c.relname as name, array_agg(a.attname::text order by a.attnum) as columns
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
  where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relpersistence = 'p'
    and c.relname <> 'schema_migrations' and c.relname not like 'import\\_%'
  group by c.relname order by c.relname`;

const sequenceNumbers = `
  select sequencename as name, last_value::text as last from pg_sequences where schemaname = 'public' and last_value is not null`;

/** Writes every table of one snapshot, as COPY text and compressed. @throws BackupRefused for a database that is not of this server */
export async function dumpTables(client: pg.Client, folder: string): Promise<Omit<Manifest, "madeAt" | "version">> {
  await client.query("begin isolation level repeatable read read only");
  const { rows: had } = await client
    .query<{ name: string; checksum: string }>("select name, checksum from public.schema_migrations")
    .catch(() => {
      throw new BackupRefused("there is no database of this server");
    });
  const { rows: tables } = await client.query<{ name: string; columns: string[] }>(tableColumns);
  const dumped: Manifest["tables"] = [];
  for (const { name, columns } of tables) {
    const copy = client.query(copyTo(`copy public.${quoted(name)} (${columns.map(quoted).join(", ")}) to stdout`));
    await pipeline(copy, createGzip(), createWriteStream(parts(folder).table(name), { mode: 0o600, flush: true }));
    dumped.push({ name, columns, rows: copy.rowCount });
  }
  // After the rows: numbers that were given out meanwhile are not given out again.
  const { rows: sequences } = await client.query<{ name: string; last: string }>(sequenceNumbers);
  await client.query("commit");
  return {
    migrations: Object.fromEntries(had.map(({ name, checksum }) => [name, checksum])),
    tables: dumped,
    sequences: Object.fromEntries(sequences.map(({ name, last }) => [name, last])),
  };
}

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
