import { readFileSync } from "node:fs";
import type { Script } from "./redis.ts";

/** The scripts `<name>.lua` of a folder, each with `<common>.lua` in front. */
export function luaScripts<Name extends string>(
  folder: URL,
  common: string,
  names: readonly Name[],
): Record<Name, Script> {
  const read = (name: string): string => readFileSync(new URL(`${name}.lua`, folder), "utf8");
  const scripts = names.map((name) => [name, { name, source: `${read(common)}\n${read(name)}` }]);
  return Object.fromEntries(scripts) as Record<Name, Script>;
}
