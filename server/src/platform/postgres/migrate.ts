import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import pg from "pg";
import { ownSettings } from "./database.ts";

/** The same from src/ and from dist/. */
const folder = new URL("../../../sql/", import.meta.url);
/** Any fixed number: whoever holds this lock is the one that migrates. */
const lock = 7_283_641;
/** How long one statement may take, in ms: a restored database has all that it holds stamped anew. */
const statementTimeoutMs = 1_800_000;

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
 * @param only name and checksum of those that the database may have, for a backup that another build has made; default: all
 * @throws SchemaError for a database that cannot be used, a schema newer than this build, or a migration that was edited after it was applied
 */
export async function migrate(connection: pg.ClientConfig, only?: ReadonlyMap<string, string>): Promise<void> {
  const client = new pg.Client({
    ...connection,
    connectionTimeoutMillis: 10_000,
    query_timeout: statementTimeoutMs + 2_000,
  });
  // A lost connection makes the statement fail; an error that nobody listens to would end the process.
  client.on("error", () => undefined);
  await client.connect();
  try {
    await checkServer(client, connection);
    await client.query(
      `begin isolation level read committed; ${ownSettings("local")}; set local lock_timeout = '60s';
         set local statement_timeout = ${statementTimeoutMs}; set local om.marked = '1'`,
    );
    await client.query("select pg_advisory_xact_lock($1)", [lock]);
    for (const step of missing(await applied(client), only)) await apply(client, step);
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

/** @throws SchemaError for what no migration can put right */
async function checkServer(client: pg.Client, connection: pg.ClientConfig): Promise<void> {
  const server = await client.query<{ version: number; encoding: string; pid: number }>(
    `select current_setting('server_version_num')::int as version, current_setting('server_encoding') as encoding,
       pg_backend_pid() as pid`,
  );
  const { version, encoding, pid } = server.rows[0] ?? { version: 0, encoding: "", pid: 0 };
  if (version < 150_000)
    throw new SchemaError(`PostgreSQL ${Math.floor(version / 10_000)} is too old; 15 or newer is needed`);
  if (encoding !== "UTF8")
    throw new SchemaError(
      `the database's encoding is ${encoding}, UTF8 is needed: create database … template template0 encoding 'UTF8'`,
    );
  // A pooler makes up the process of its own that it tells.
  if ((client as { processID?: unknown }).processID !== pid && (await changesServers(client, connection)))
    throw new SchemaError(
      "a pooler between here and PostgreSQL gives each transaction another connection (transaction pooling):" +
        " use session pooling, or connect to PostgreSQL itself",
    );
}

/**
 * Whether statements of one client reach several processes of PostgreSQL, or two clients the same one. Poolers take the connection that was
 * used last, or each in turn: two statements in a row and one of somebody else show both, and others' traffic in between only
 * helps them to differ.
 */
async function changesServers(client: pg.Client, connection: pg.ClientConfig): Promise<boolean> {
  const other = new pg.Client({ ...connection, connectionTimeoutMillis: 10_000 });
  other.on("error", () => undefined);
  await other.connect();
  try {
    const pid = async (of: pg.Client): Promise<unknown> =>
      (await of.query("select pg_backend_pid() as pid")).rows[0].pid;
    for (let round = 0; round < 5; round++) {
      const first = await pid(client);
      if ((await pid(client)) !== first || (await pid(other)) === first) return true;
    }
    return false;
  } finally {
    await other.end();
  }
}

/** Name and checksum of every step that the database has had. */
async function applied(client: pg.Client): Promise<Map<string, string>> {
  await client.query(
    `create table if not exists schema_migrations (
       name text primary key, checksum text not null, applied_at timestamptz not null default now())`,
  );
  const { rows } = await client.query<Step>("select name, checksum from schema_migrations").catch(explain);
  return new Map(rows.map(({ name, checksum }) => [name, checksum]));
}

function missing(had: Map<string, string>, only?: ReadonlyMap<string, string>): Step[] {
  const all = [...migrations(), functions()];
  const steps = all.filter(({ name }) => only?.has(name) ?? true);
  const newer = [...had.keys(), ...(only?.keys() ?? [])].find((name) => steps.every((step) => step.name !== name));
  if (newer !== undefined)
    throw new SchemaError(`the database has had ${newer}, which this build lacks: run a newer build`);
  const todo = steps.filter(({ name, checksum }) => had.get(name) !== checksum);
  const edited = todo.find(
    ({ name, checksum }) => name !== "functions" && (had.get(name) ?? only?.get(name) ?? checksum) !== checksum,
  );
  if (edited !== undefined)
    throw new SchemaError(
      `${edited.name} is not what the database has had under this name: run the build that it was made by`,
    );
  return todo;
}

/** A table or a column that is there, or is not, by the doing of somebody else. */
function explain(error: { code?: unknown; message: string }): never {
  if (error.code !== "42P07" && error.code !== "42703") throw error;
  throw new SchemaError(`the database is not empty and not of this server: ${error.message}`);
}

async function apply(client: pg.Client, { name, text, checksum }: Step): Promise<void> {
  await client.query(text).catch(explain);
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
