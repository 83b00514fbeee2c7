import { parseConfig, loadEnvironment } from "./config.ts";
import { externalConnection, openStorage } from "./open/open-storage.ts";
import { publishVersion } from "./releases/publish-version.ts";
import { parseArguments, usage, type Release } from "./releases/parse-release.ts";
import { versionStore, type VersionStore } from "./releases/version-store.ts";

/** Rows that `--list` prints at most. */
const maxListed = 1_000;

try {
  const wish = parseArguments(process.argv.slice(2));
  if (wish === "help") console.log(usage);
  else await run(wish);
} catch (error) {
  console.error(`Cannot publish: ${errorLine(error)}`);
  process.exitCode = 1;
}

async function run(wish: Release | "list"): Promise<void> {
  // What breaks a statement is thrown by it too.
  const config = parseConfig(loadEnvironment());
  await using storage = await openStorage(config, {
    onOutage: () => undefined,
    onEnd: () => undefined,
  });
  const versions = versionStore(storage.db);
  if (wish === "list") return await list(versions);
  await publishVersion(versions, wish);
  const where = externalConnection(config) === undefined ? "the embedded database" : "PostgreSQL";
  console.log(`Published ${wish.platform} ${wish.version} (build ${wish.build}) in ${where}`);
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

/** The driver's errors carry what went wrong as their cause or as their code. */
function errorLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  const text = error.message === "" && typeof code === "string" ? code : error.message;
  const cause = error.cause instanceof Error ? ` (${errorLine(error.cause)})` : "";
  return `${text}${cause}`.replaceAll(/\s+/g, " ");
}
