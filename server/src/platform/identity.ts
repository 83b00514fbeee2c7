import { readFileSync } from "node:fs";
import { hostname } from "node:os";

const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");

/** On every line of the log: which process of which machine wrote it, and of which build it is; builds stand in CHANGELOG.md. */
export const identity = {
  node: `${hostname()}/${process.pid}`,
  version: (JSON.parse(manifest) as { version: string }).version,
};
