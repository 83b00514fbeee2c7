import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import pg from "pg";

/** The same from src/ and from dist/. */
const folder = new URL("../../../sql/", import.meta.url);
/** Any fixed number: whoever holds this lock is the one that migrates. */
const lock = 7_283_641;

/** The database cannot be used as it is; the message is one line for the operator. */
export class SchemaError extends Error {}

/** Something that is applied as a whole: a file of `sql/migrations/`, or all of `sql/functions/`. */
interface Step {
  name: string;
  text: string;
  checksum: string;
}

/**
 * Brings the schema to this build's version, in one transaction, by one server at a time: the files of `sql/migrations/` that it has not
 * had, in their order, and then all functions, if any has changed. All that is set lasts for the transaction only, so a pooler may stand
 * between.
 * @throws SchemaError for a PostgreSQL older than 15, a schema newer than this build, or a migration that was edited after it was applied
 */
export async function migrate(connection: pg.ClientConfig): Promise<void> {
  const client = new pg.Client({ ...connection, connectionTimeoutMillis: 10_000 });
  // A lost connection makes the statement fail; an error that nobody listens to would end the process.
  client.on("error", () => undefined);
  await client.connect();
  try {
    await checkServer(client);
    await client.query("begin; set local timezone = 'UTC'; set local lock_timeout = '60s'; set local om.marked = '1'");
    await client.query("select pg_advisory_xact_lock($1)", [lock]);
    for (const step of missing(await applied(client))) await apply(client, step);
    // The data is known to be this database's own.
    await client.query("select begin_epoch()");
    await client.query("commit");
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw error;
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

/** Name and checksum of every step that the database has had. */
async function applied(client: pg.Client): Promise<Map<string, string>> {
  await client.query(
    `create table if not exists schema_migrations (
       name text primary key, checksum text not null, applied_at timestamptz not null default now())`,
  );
  const { rows } = await client.query<Step>("select name, checksum from schema_migrations");
  return new Map(rows.map(({ name, checksum }) => [name, checksum]));
}

function missing(had: Map<string, string>): Step[] {
  const steps = [...migrations(), functions()];
  const newer = [...had.keys()].find((name) => steps.every((step) => step.name !== name));
  if (newer !== undefined)
    throw new SchemaError(`the database has had ${newer}, which this build lacks: run a newer build`);
  const todo = steps.filter(({ name, checksum }) => had.get(name) !== checksum);
  const edited = todo.find(({ name }) => name !== "functions" && had.has(name));
  if (edited !== undefined)
    throw new SchemaError(
      `${edited.name} is not what the database has had under this name: run the build that it was made by`,
    );
  return todo;
}

async function apply(client: pg.Client, { name, text, checksum }: Step): Promise<void> {
  await client.query(text);
  await client.query(
    `insert into schema_migrations (name, checksum) values ($1, $2)
     on conflict (name) do update set checksum = excluded.checksum, applied_at = now()`,
    [name, checksum],
  );
}

const migrations = (): Step[] => sqlFiles("migrations").map(([name, text]) => step(name, text));

/** They may call each other, so their bodies are looked at when they run. */
function functions(): Step {
  const files = [["", readFileSync(new URL("drop.sql", folder), "utf8")] as const, ...sqlFiles("functions")];
  return step("functions", ["set local check_function_bodies = off;", ...files.map(([, text]) => text)].join("\n"));
}

/** Path and text of the files of a folder, by name. */
function sqlFiles(of: string): [path: string, text: string][] {
  const names = readdirSync(new URL(`${of}/`, folder)).toSorted();
  return names.map((name) => [`${of}/${name}`, readFileSync(new URL(`${of}/${name}`, folder), "utf8")]);
}

function step(name: string, text: string): Step {
  return { name, text, checksum: createHash("sha256").update(text).digest("hex") };
}
