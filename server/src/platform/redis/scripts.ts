import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Commands, Script } from "./redis.ts";

const digests = new WeakMap<Script, string>();

/** The digest by which Redis knows a script. */
export function digestOf(script: Script): string {
  let digest = digests.get(script);
  if (digest === undefined) {
    digest = createHash("sha1").update(script.source).digest("hex");
    digests.set(script, digest);
  }
  return digest;
}

/** @throws RedisUnavailable */
export async function loadScripts(
  commands: Pick<Commands, "call">,
  scripts: Iterable<Script>,
  timeoutMs: number,
): Promise<void> {
  await Promise.all(Array.from(scripts, ({ source }) => commands.call(timeoutMs, "SCRIPT", "LOAD", source)));
}

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
