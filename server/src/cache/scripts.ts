import { readFileSync } from "node:fs";
import type { Script } from "../platform/redis/redis.ts";

/** The scripts of this folder; each file says what goes in and what comes out. */
export const scripts = {
  heads: script("heads"),
  mark: script("mark"),
  lease: script("lease"),
  fill: script("fill"),
  release: script("release"),
  post: script("post"),
  compact: script("compact"),
} as const;

function script(name: string): Script {
  return { name, source: readFileSync(new URL(`../../src/cache/scripts/${name}.lua`, import.meta.url), "utf8") };
}
