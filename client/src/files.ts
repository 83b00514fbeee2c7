import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { DeviceState, StateStore } from "./state.ts";
import type { Tokens, TokenStore } from "./tokens.ts";

/** Tokens in a file that only its owner can read; processes that share it use each other's renewed tokens. For Node. */
export function fileTokens(path: string): TokenStore {
  return {
    load: () => readJson(path) as Tokens | undefined,
    save(tokens) {
      if (tokens === undefined) rmSync(path, { force: true });
      else writeJson(path, tokens);
    },
  };
}

/** The state of one device in a file. One connection at a time may use it. For Node. */
export function fileState(path: string): StateStore {
  return {
    load: () => readJson(path) as DeviceState | undefined,
    save: (state) => writeJson(path, state),
  };
}

/** @returns undefined when there is no such file, or none that can be read as JSON */
export function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as unknown;
  } catch {
    return undefined;
  }
}

/** Written aside and moved, so that a crash leaves the old file or the new one. */
export function writeJson(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const aside = `${path}.${process.pid}.new`;
  writeFileSync(aside, JSON.stringify(value), { mode: 0o600 });
  renameSync(aside, path);
}
