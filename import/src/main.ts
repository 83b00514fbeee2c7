import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { EmbeddedRefused } from "@om/postgres";
import { ConfigError, parseConfig, loadEnvironment } from "@om/server/config";
import { ConnectionLost, ImportRefused } from "./import-connection.ts";
import { createProgress } from "./progress.ts";
import { reportLines } from "./report.ts";
import { runImport } from "./run-import.ts";
import { openServer, unwatched } from "@om/server/open/open-storage";
import { SchemaError } from "@om/server/platform/postgres/migrate";

const usage = `npx om import --from postgresql://user@host:5432/name [--dry-run] [--json FILE] [--page ROWS]

Brings the data of the first server's database into this server's: the one that DATABASE_URL, DB_* or DATA_DIR name.
  --dry-run   read and report everything, write nothing
  --json      also write the report to a file
  --page      messages of one transaction, 1 to 50,000 (5000)
The password may stand in PGPASSWORD or ~/.pgpass instead. Exit codes: 0 everything is here; 1 it is not, run again to go on;
2 the import cannot begin as things are.`;

/** Reading what was asked failed; the message is one line. */
class UsageError extends Error {}

try {
  process.exitCode = await main();
} catch (error) {
  const [text, code] = failure(error);
  console.error(text);
  process.exitCode = code;
}

async function main(): Promise<number> {
  const asked = readArguments();
  if (asked === undefined) {
    console.log(usage);
    return 0;
  }
  const config = parseConfig(loadEnvironment());
  await using target = asked.dryRun ? undefined : await openServer(config, unwatched);
  const report = await runImport({
    from: { connectionString: asked.from },
    to: target?.primary.connection(),
    pageSize: asked.pageSize,
    progress: createProgress(process.stdout),
  });
  for (const line of reportLines(report)) console.log(line);
  if (asked.json !== undefined) writeFileSync(asked.json, `${JSON.stringify(report, null, 2)}\n`);
  return report.complete || report.dryRun ? 0 : 1;
}

/** @returns undefined when only help is wanted */
function readArguments(): { from: string; dryRun: boolean; json: string | undefined; pageSize: number } | undefined {
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        from: { type: "string" },
        "dry-run": { type: "boolean", default: false },
        json: { type: "string" },
        page: { type: "string", default: "5000" },
        help: { type: "boolean", short: "h", default: false },
      },
    }));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  if (values.help) return undefined;
  const pageSize = Number(values.page);
  if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > 50_000) {
    throw new UsageError("--page: a whole number from 1 to 50000 is needed");
  }
  if (values.from === undefined || !/^postgres(ql)?:\/\/\S+$/.test(values.from)) {
    throw new UsageError("--from: a URL such as postgresql://user@host:5432/name is needed");
  }
  return { from: values.from, dryRun: values["dry-run"], json: values.json, pageSize };
}

/** One line for people, and the exit code. */
function failure(error: unknown): [string, number] {
  const text = error instanceof Error ? error.message : String(error);
  const refused =
    error instanceof ImportRefused ||
    error instanceof UsageError ||
    error instanceof ConfigError ||
    error instanceof SchemaError ||
    error instanceof EmbeddedRefused;
  if (refused) return [`Import not begun: ${text}`, 2];
  if (error instanceof ConnectionLost) return [`Import stopped: ${text}. Run it again to go on.`, 1];
  return [`Import stopped: ${text}. What was written stays; run it again to go on.`, 1];
}
