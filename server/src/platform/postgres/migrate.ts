import { readdirSync, readFileSync } from "node:fs";
import pg from "pg";

const folder = new URL("../../../src/platform/postgres/migrations/", import.meta.url);
/** Any fixed number: whoever holds this lock is the one that migrates. */
const lock = 7_283_641;

/** The database cannot be used as it is; the message is one line for the operator. */
export class SchemaError extends Error {}

/**
 * Brings the schema to this build's version: numbered files of `migrations/`, each in one transaction, by one server at a time. All
 * that is set lasts for a transaction only, so a pooler may stand between.
 * @throws SchemaError for a PostgreSQL older than 15 or a schema newer than this build
 */
export async function migrate(connection: pg.ClientConfig): Promise<void> {
  const client = new pg.Client({ ...connection, connectionTimeoutMillis: 10_000 });
  // A lost connection makes the statement fail; an error that nobody listens to would end the process.
  client.on("error", () => undefined);
  await client.connect();
  try {
    await checkServer(client);
    const files = migrationFiles();
    while (await migrateOnce(client, files));
  } finally {
    await client.end();
  }
}

async function checkServer(client: pg.Client): Promise<void> {
  const server = await client.query<{ version: number }>(
    "select current_setting('server_version_num')::int as version",
  );
  const version = server.rows[0]?.version ?? 0;
  if (version < 150_000)
    throw new SchemaError(`PostgreSQL ${Math.floor(version / 10_000)} is too old; 15 or newer is needed`);
}

/** Runs the first file that the schema has not had; false: there is none, and the data is known to be this database's own. */
async function migrateOnce(client: pg.Client, files: readonly Migration[]): Promise<boolean> {
  await client.query("begin; set local timezone = 'UTC'; set local lock_timeout = '60s'; set local om.marked = '1'");
  try {
    await client.query("select pg_advisory_xact_lock($1)", [lock]);
    const next = nextFile(files, await currentVersion(client));
    if (next === undefined) await client.query("select begin_epoch()");
    else await client.query(`${next.text}\n;insert into schema_migrations (version) values (${next.version})`);
    await client.query("commit");
    return next !== undefined;
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw error;
  }
}

async function currentVersion(client: pg.Client): Promise<number> {
  await client.query(
    "create table if not exists schema_migrations (version int primary key, applied_at timestamptz not null default now())",
  );
  const done = await client.query<{ version: number }>(
    "select coalesce(max(version), 0)::int as version from schema_migrations",
  );
  return done.rows[0]?.version ?? 0;
}

function nextFile(files: readonly Migration[], current: number): Migration | undefined {
  const newest = files.at(-1)?.version ?? 0;
  if (current > newest) {
    throw new SchemaError(`the database has schema version ${current}, this build knows ${newest}: run a newer build`);
  }
  return files.find(({ version }) => version > current);
}

interface Migration {
  version: number;
  text: string;
}

function migrationFiles(): Migration[] {
  return readdirSync(folder)
    .filter((name) => /^\d{3}-.+\.sql$/.test(name))
    .toSorted()
    .map((name) => ({ version: Number(name.slice(0, 3)), text: readFileSync(new URL(name, folder), "utf8") }));
}
