import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
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
  const folder = mkdtempSync(join(tmpdir(), "om-template-"));
  const template = join(folder, "pgdata");
  await createCluster(npmPrograms(join(folder, "lib")), template, ["-U", "postgres", "-A", "trust", "--no-sync"]);
  process.env[templateVariable] = template;
  const shared = await startPostgres(["max_connections=300"]);
  const url = new URL(shared.createDatabase());
  url.pathname = "";
  process.env[sharedVariable] = String(url).replace(/\/$/, "");
  return async () => {
    await shared[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  };
}
