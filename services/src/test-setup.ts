import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { freemem, tmpdir } from "node:os";
import { join } from "node:path";
import { createCluster, npmPrograms } from "@om/postgres";
import { ensureBinaries } from "./binaries.ts";
import { startPostgres } from "./postgres.ts";
import { proxies } from "./proxy.ts";
import { sharedVariable } from "./shared-postgres.ts";
import { templateVariable } from "./template.ts";

/** Vitest's global set-up of the services project: installs what is missing, makes the template of new databases, and starts the shared one. */
export async function setup(): Promise<() => Promise<void>> {
  for (const service of ["postgres", "redis", ...proxies] as const) ensureBinaries(service);
  const folder = mkdtempSync(join(roomiest(), "om-tests-"));
  // For all that tests and their servers write; it goes with them.
  process.env["TMPDIR"] = folder;
  const template = join(folder, "pgdata");
  await createCluster(npmPrograms(join(folder, "lib")), template, ["-U", "postgres", "-A", "trust", "--no-sync"]);
  process.env[templateVariable] = template;
  // Hundreds of databases, which nobody kills: vacuum would visit one after the other for as long as the tests run.
  const calm = ["autovacuum=off", "full_page_writes=off", "checkpoint_timeout=1h"];
  const shared = await startPostgres(["max_connections=300", ...calm]);
  const url = new URL(shared.createDatabase());
  url.pathname = "";
  process.env[sharedVariable] = String(url).replace(/\/$/, "");
  return async () => {
    await shared[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  };
}

/** Memory where there is plenty: what tests write has to outlive no power cut. */
function roomiest(): string {
  const memory = "/dev/shm";
  const enough = 6e9;
  try {
    const { bavail, bsize } = statfsSync(memory);
    if (bavail * bsize > enough && freemem() > enough) return memory;
  } catch {
    // Not here.
  }
  return tmpdir();
}
