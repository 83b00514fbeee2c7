import { existsSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { runningConnection } from "@om/postgres";
import pg from "pg";
import { dumpTables } from "./backup/dump-tables.ts";
import { makeFolder, parts, writeManifest } from "./backup/backup-folder.ts";
import { keepSecret } from "./backup/secret.ts";
import { loadEnvironment, parseConfig, type Config } from "./config.ts";
import { openServer, unwatched } from "./open/open-storage.ts";
import { isEmbedded } from "./open/postgres-connection.ts";
import { errorLine } from "./platform/error-line.ts";
import { identity } from "./platform/identity.ts";

const usage = `npx om backup FOLDER

Writes everything of this server into a new folder: the database, avatars and attachments, and the key that signs tokens.
The server may run meanwhile: it is the state of one moment. What it belongs to is said by the settings of the server.`;

process.umask(0o077);
try {
  const [folder] = process.argv.slice(2);
  if (folder === undefined || folder.startsWith("-")) console.log(usage);
  else await backUp(parseConfig(loadEnvironment()), folder);
} catch (error) {
  console.error(`Not backed up: ${errorLine(error)}`);
  process.exitCode = 1;
}

async function backUp(config: Config, folder: string): Promise<void> {
  makeFolder(folder);
  const dumped = await withDatabase(config, (client) => dumpTables(client, folder));
  const media = join(config.dataDir, "media");
  const isOnDisk = config.s3Endpoint === "" && existsSync(media);
  if (isOnDisk)
    await cp(media, parts(folder).media, { recursive: true, filter: (path) => path !== join(media, "incoming") });
  keepSecret(config, folder);
  writeManifest(folder, { madeAt: new Date().toISOString(), version: identity.version, ...dumped });
  const rows = dumped.tables.reduce((sum, table) => sum + table.rows, 0);
  console.log(`Backed up ${rows} rows of ${dumped.tables.length} tables into ${folder}`);
  if (config.s3Endpoint !== "")
    console.log(`Avatars and attachments lie in the bucket ${config.s3Bucket}: back it up too`);
}

/** The embedded database belongs to its server while that runs, and may be read beside it. */
async function withDatabase<T>(config: Config, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const running = isEmbedded(config) ? runningConnection(config.dataDir) : undefined;
  const beside = running === undefined ? undefined : await connect(running).catch(() => undefined);
  await using server = beside === undefined ? await openServer(config, unwatched) : undefined;
  const client = beside ?? (await connect(server?.primary.connection() ?? {}));
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function connect(connection: pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client({ ...connection, connectionTimeoutMillis: 10_000 });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}
