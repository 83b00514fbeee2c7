import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";

/** Names the files of an empty PostgreSQL, made once for all tests. */
export const templateVariable = "OM_POSTGRES_TEMPLATE";

/** Gives a new data folder the files of an empty PostgreSQL, if there is a template. @returns whether there was one */
export function copyTemplate(data: string): boolean {
  const template = process.env[templateVariable];
  if (template === undefined || !existsSync(template)) return false;
  mkdirSync(dirname(data), { recursive: true, mode: 0o700 });
  // Not cpSync: what it copies goes to the disk at once, which takes ten times as long, to copy and to remove.
  execFileSync("cp", ["-R", template, data], { stdio: ["ignore", "inherit", "inherit"], timeout: 60_000 });
  return true;
}
