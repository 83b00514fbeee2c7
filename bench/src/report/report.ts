import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { ensureBinaries, startPostgres } from "@om/services";
import type { ScenarioResult } from "../scenario.ts";
import { pinning } from "../stage/pin.ts";

/** What `--json` writes and `--compare` reads. */
export interface Report {
  at: string;
  /** Processors, system, versions. */
  machine: string;
  node: string;
  /** How often and how long. */
  size: string;
  scenarios: ScenarioResult[];
}

/** Where the figures come from. */
export async function machine(): Promise<string> {
  const [cpu] = cpus();
  await using postgres = await startPostgres();
  const version = postgres.sql(postgres.createDatabase(), "show server_version");
  const redis = execFileSync(ensureBinaries("redis").server, ["--version"], { encoding: "utf8" });
  const programs = `Node ${process.version}, PostgreSQL ${version}, Redis ${/v=(\S+)/.exec(redis)?.[1] ?? "?"}`;
  return `${cpus().length} × ${cpu?.model.trim() ?? "unknown"}, ${process.platform}, ${programs}; ${pinning}`;
}
