import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureBinaries } from "./binaries.ts";
import { templateVariable } from "./embedded-folder.ts";

/** Vitest's global set-up of the services project: installs what is missing, and makes the template of embedded databases. */
export function setup(): () => void {
  ensureBinaries("postgres");
  ensureBinaries("redis");
  const template = mkdtempSync(join(tmpdir(), "om-template-"));
  const program = fileURLToPath(new URL("./make-template.ts", import.meta.url));
  const cwd = fileURLToPath(new URL("../..", import.meta.url));
  const options = { cwd, stdio: "inherit", timeout: 120_000 } as const;
  execFileSync(process.execPath, ["--conditions=source", "--import", "tsx", program, template], options);
  process.env[templateVariable] = template;
  return () => rmSync(template, { recursive: true, force: true });
}
