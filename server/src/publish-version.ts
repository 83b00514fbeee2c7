import { parseConfig, loadEnvironment } from "./config.ts";
import { openStorage, unwatched } from "./open/open-storage.ts";
import { isEmbedded } from "./open/postgres-connection.ts";
import { errorLine } from "./platform/error-line.ts";
import { parseArguments, usage, type Release } from "./releases/parse-release.ts";
import { versionStore, type VersionStore } from "./releases/version-store.ts";

/** Rows that `--list` prints at most. */
const maxListed = 1_000;

try {
  const request = parseArguments(process.argv.slice(2));
  if (request === "help") console.log(usage);
  else await run(request);
} catch (error) {
  console.error(`Cannot publish: ${errorLine(error)}`);
  process.exitCode = 1;
}

async function run(request: Release | "list"): Promise<void> {
  const config = parseConfig(loadEnvironment());
  await using storage = await openStorage(config, unwatched);
  const versions = versionStore(storage.db);
  if (request === "list") return await list(versions);
  await versions.publish(request);
  const where = isEmbedded(config) ? "the embedded database" : "PostgreSQL";
  console.log(`Published ${request.platform} ${request.version} (build ${request.build}) in ${where}`);
}

async function list(versions: VersionStore): Promise<void> {
  const rows = await versions.list(maxListed);
  if (rows.length === 0) console.log("Nothing is published yet");
  for (const row of rows) {
    const marks = [
      row.is_active ? "active" : "inactive",
      ...(row.force_update ? ["force"] : []),
      ...(row.min_supported_build > 0 ? [`min build ${row.min_supported_build}`] : []),
    ];
    const name = `${row.platform} ${row.version} (build ${row.build_number})`;
    console.log(`${name} ${row.release_date} ${marks.join(", ")} ${row.download_url}`);
  }
}
