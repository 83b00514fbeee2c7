import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Commands, Script } from "./redis.ts";

/** The scripts that every connection loads before it is used. */
export interface Scripts {
  /** The digest by which Redis knows it; one that is new here is loaded with the others from now on. */
  digest(script: Script): string;
  /** @throws RedisUnavailable */
  load(commands: Pick<Commands, "call">, timeoutMs: number): Promise<void>;
}

export function createScripts(known: readonly Script[]): Scripts {
  const digests = new Map(known.map((script) => [script, sha1(script.source)]));
  return {
    digest(script) {
      let digest = digests.get(script);
      if (digest === undefined) digests.set(script, (digest = sha1(script.source)));
      return digest;
    },
    async load(commands, timeoutMs) {
      await Promise.all([...digests.keys()].map(({ source }) => commands.call(timeoutMs, "SCRIPT", "LOAD", source)));
    },
  };
}

function sha1(text: string): string {
  return createHash("sha1").update(text).digest("hex");
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
