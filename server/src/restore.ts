import { existsSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { BackupRefused, parts, readManifest } from "./backup/backup-folder.ts";
import { loadTables } from "./backup/load-tables.ts";
import { giveSecretBack } from "./backup/secret.ts";
import { loadEnvironment, parseConfig, type Config } from "./config.ts";
import { openServer, unwatched } from "./open/open-storage.ts";
import { errorLine } from "./platform/error-line.ts";
import { migrate } from "./platform/postgres/migrate.ts";

const usage = `npx om restore FOLDER

Brings a backup into an empty database or data folder: the one that the settings of the server name. No server may run there.`;

process.umask(0o077);
try {
  const [folder] = process.argv.slice(2);
  if (folder === undefined || folder.startsWith("-")) console.log(usage);
  else await restore(parseConfig(loadEnvironment()), folder);
} catch (error) {
  console.error(`Not restored: ${errorLine(error)}`);
  process.exitCode = 1;
}

async function restore(config: Config, folder: string): Promise<void> {
  const manifest = readManifest(folder);
  await using server = await openServer(config, unwatched);
  const client = new pg.Client({ ...server.primary.connection(), connectionTimeoutMillis: 10_000 });
  client.on("error", () => undefined);
  await client.connect();
  try {
    await refuseOccupied(client);
    // Before the database, so that what fails halfway can be done again.
    await restoreMedia(config, parts(folder).media);
    await migrate(server.primary.connection(), new Map(Object.entries(manifest.migrations)));
    await loadTables(client, folder, manifest);
  } finally {
    await client.end();
  }
  for (const line of giveSecretBack(config, folder)) console.log(line);
  console.log(
    `Restored what was backed up at ${manifest.madeAt} by version ${manifest.version}. The server may start now.`,
  );
}

async function restoreMedia(config: Config, from: string): Promise<void> {
  if (!existsSync(from)) return;
  if (config.s3Endpoint === "") await cp(from, join(config.dataDir, "media"), { recursive: true, force: false });
  else console.log(`The backup's media folder belongs into the bucket ${config.s3Bucket}: copy it there`);
}

/** @throws BackupRefused when there is something that a restore would replace or meet */
async function refuseOccupied(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ occupied: boolean }>(
    "select exists (select from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r') as occupied",
  );
  if (rows[0]?.occupied === true) {
    throw new BackupRefused("the database holds tables already: restore into an empty database or data folder");
  }
}
