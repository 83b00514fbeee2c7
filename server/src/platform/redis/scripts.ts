import { createHash } from "node:crypto";
import type { Commands, Script } from "./redis.ts";

/** The scripts that every connection loads before it is used. */
export interface Scripts {
  /** The digest by which Redis knows it; one that is new here is loaded with the others from now on. */
  digest(script: Script): string;
  /** @throws RedisUnavailable */
  load(commands: Pick<Commands, "call">, deadlineMs: number): Promise<void>;
}

export function createScripts(known: readonly Script[]): Scripts {
  const digests = new Map(known.map((script) => [script, sha1(script.source)]));
  return {
    digest(script) {
      let digest = digests.get(script);
      if (digest === undefined) digests.set(script, (digest = sha1(script.source)));
      return digest;
    },
    async load(commands, deadlineMs) {
      await Promise.all([...digests.keys()].map(({ source }) => commands.call(deadlineMs, "SCRIPT", "LOAD", source)));
    },
  };
}

function sha1(text: string): string {
  return createHash("sha1").update(text).digest("hex");
}
