import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Vitest's global set-up: compiles, so that no test waits for it whose programs are processes of their own. */
export function setup(): void {
  execFileSync(process.execPath, [fileURLToPath(new URL("../../run.js", import.meta.url))], { stdio: "inherit" });
}
