import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCluster, npmPrograms } from "@om/postgres";
import { ensureBinaries } from "./binaries.ts";
import { templateVariable } from "./template.ts";

/** Vitest's global set-up of the services project: installs what is missing, and makes the template of new databases. */
export async function setup(): Promise<() => void> {
  ensureBinaries("postgres");
  ensureBinaries("redis");
  const folder = mkdtempSync(join(tmpdir(), "om-template-"));
  const template = join(folder, "pgdata");
  await createCluster(npmPrograms(join(folder, "lib")), template, ["-U", "postgres", "-A", "trust", "--no-sync"]);
  process.env[templateVariable] = template;
  return () => rmSync(folder, { recursive: true, force: true });
}
