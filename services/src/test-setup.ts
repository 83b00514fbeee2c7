import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureBinaries } from "./binaries.ts";
import { templateVariable } from "./embedded-folder.ts";
import { program } from "./om-server.ts";

/** Vitest's global set-up of the services project: installs what is missing, and makes the template of embedded databases. */
export function setup(): () => void {
  ensureBinaries("postgres");
  ensureBinaries("redis");
  const template = mkdtempSync(join(tmpdir(), "om-template-"));
  const make = [...program("services/src/make-template.ts"), template];
  execFileSync(process.execPath, make, { stdio: "inherit", timeout: 120_000 });
  process.env[templateVariable] = template;
  return () => rmSync(template, { recursive: true, force: true });
}
