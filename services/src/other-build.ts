import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
/** What the server is compiled from; the rest of the repository is not needed. */
export const serverWorkspaces = ["protocol", "postgres", "server"];

/** The server of another commit, to be started with `startOmServer`; gone when disposed. */
export interface OtherBuild extends Disposable {
  /** Its root. */
  readonly folder: string;
  /** Its commit, in short. */
  readonly commit: string;
}

/** Makes a folder with the server's workspaces a repository that `run.js` compiles and starts: with all packages as they are installed here, but ours from there. */
export function linkBuild(folder: string): void {
  const modules = join(folder, "node_modules");
  mkdirSync(join(modules, "@om"), { recursive: true });
  for (const name of readdirSync(join(root, "node_modules"))) {
    if (name !== "@om") symlinkSync(join(root, "node_modules", name), join(modules, name));
  }
  for (const workspace of serverWorkspaces) symlinkSync(join(folder, workspace), join(modules, "@om", workspace));
  cpSync(join(root, "run.js"), join(folder, "run.js"));
  const references = serverWorkspaces.map((path) => ({ path }));
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ files: [], references }));
}

/**
 * The build of the commit before the one that is checked out: of those whose migrations are among ours, as on a branch they may have had
 * other numbers. undefined: there is none, as in an archive.
 */
export function checkOutPrevious(): OtherBuild | undefined {
  const git = (...args: string[]): Buffer =>
    execFileSync("git", ["-c", "safe.directory=*", ...args], { cwd: root, stdio: "pipe", maxBuffer: 500_000_000 });
  const migrationsOf = (of: string): string[] => lines(git("ls-tree", of, "server/sql/migrations/"));
  let commit: string | undefined;
  try {
    const ours = new Set(migrationsOf("HEAD"));
    const before = lines(git("rev-list", "--abbrev-commit", "--max-count=50", "HEAD^@"));
    commit = before.find((one) => migrationsOf(one).every((migration) => ours.has(migration)));
  } catch {
    // It is told below.
  }
  if (commit === undefined) {
    console.warn("There is no history of git here: the build of the commit before this one is not run beside it.");
    return undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), "om-previous-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    const files = [...serverWorkspaces, "package.json", "tsconfig.base.json"];
    execFileSync("tar", ["-x", "-C", folder], { input: git("archive", commit, ...files) });
    linkBuild(folder);
  } catch (error) {
    remove();
    throw error;
  }
  process.once("exit", remove);
  return {
    folder,
    commit,
    [Symbol.dispose]() {
      process.removeListener("exit", remove);
      remove();
    },
  };
}

const lines = (output: Buffer): string[] => output.toString().trim().split("\n");
