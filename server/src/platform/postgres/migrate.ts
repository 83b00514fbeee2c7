import { readdirSync, readFileSync } from "node:fs";
import pg from "pg";

const folder = new URL("./migrations/", import.meta.url);
/** Any fixed number: whoever holds this lock is the one that migrates. */
const lock = 7_283_641;

/** The database cannot be used as it is; the message is one line for the operator. */
export class SchemaError extends Error {}

/**
 * Brings the schema to this build's version: numbered files of `migrations/`, each in one transaction, by one server at a time.
 * @throws SchemaError for a PostgreSQL older than 15 or a schema newer than this build
 */
export async function migrate(connection: pg.ClientConfig): Promise<void> {
  const client = new pg.Client({ ...connection, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    const server = await client.query<{ version: number }>(
      "select current_setting('server_version_num')::int as version",
    );
    const version = server.rows[0]?.version ?? 0;
    if (version < 150_000)
      throw new SchemaError(`PostgreSQL ${Math.floor(version / 10_000)} is too old; 15 or newer is needed`);
    await client.query("set timezone = 'UTC'; set lock_timeout = '60s'");
    await client.query("select pg_advisory_lock($1)", [lock]);
    await client.query(
      "create table if not exists schema_migrations (version int primary key, applied_at timestamptz not null default now())",
    );
    const done = await client.query<{ version: number }>(
      "select coalesce(max(version), 0)::int as version from schema_migrations",
    );
    const current = done.rows[0]?.version ?? 0;
    const files = migrationFiles();
    const newest = files.at(-1)?.version ?? 0;
    if (current > newest) {
      throw new SchemaError(
        `the database has schema version ${current}, this build knows ${newest}: run a newer build`,
      );
    }
    for (const file of files.filter(({ version: number }) => number > current)) {
      await client.query(
        `begin;\n${file.text}\n;insert into schema_migrations (version) values (${file.version}); commit`,
      );
    }
  } finally {
    await client.end();
  }
}

function migrationFiles(): { version: number; text: string }[] {
  return readdirSync(folder)
    .filter((name) => /^\d{3}-.+\.sql$/.test(name))
    .toSorted()
    .map((name) => ({ version: Number(name.slice(0, 3)), text: readFileSync(new URL(name, folder), "utf8") }));
}
