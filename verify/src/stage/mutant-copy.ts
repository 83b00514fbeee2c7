import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { linkBuild, serverWorkspaces } from "@om/services";
import type { Mutation } from "../mutants.ts";

/** A copy of the server with something made wrong in it; gone when disposed. */
export interface MutantCopy extends Disposable {
  /** Its root. */
  readonly folder: string;
}

const root = fileURLToPath(new URL("../../../", import.meta.url));

/**
 * The files that mutations change, as they become.
 * @throws Error when one does not apply: then it says nothing about the server as it is
 */
export function mutatedFiles(name: string, mutations: readonly Mutation[]): Map<string, string> {
  const changed = new Map<string, string>();
  for (const { file, find, replace } of mutations) {
    const text = changed.get(file) ?? readFileSync(join(root, file), "utf8");
    const times = text.split(find).length - 1;
    if (times !== 1) throw new Error(`the mutant ${name} does not apply: ${file} has ${times} times what it replaces`);
    changed.set(
      file,
      text.replace(find, () => replace),
    );
  }
  return changed;
}

/** @throws Error as {@link mutatedFiles} */
export function copyMutated(name: string, mutations: readonly Mutation[]): MutantCopy {
  const changed = mutatedFiles(name, mutations);
  const folder = mkdtempSync(join(tmpdir(), "om-mutant-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.once("exit", remove);
  const dispose = (): void => {
    process.removeListener("exit", remove);
    remove();
  };
  try {
    const skip = /^(node_modules|testing|tests|.*\.test\.ts)$/;
    for (const workspace of serverWorkspaces) {
      // With what is compiled, and its times: only what changes is compiled again.
      cpSync(join(root, workspace), join(folder, workspace), {
        recursive: true,
        preserveTimestamps: true,
        filter: (path) => !skip.test(basename(path)),
      });
    }
    for (const file of ["package.json", "tsconfig.base.json"])
      cpSync(join(root, file), join(folder, file), { preserveTimestamps: true });
    linkBuild(folder);
    for (const [file, text] of changed) writeFileSync(join(folder, file), text);
    return { folder, [Symbol.dispose]: dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}
