import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { lastLine, type Programs } from "./programs.ts";

/** A running postmaster. */
export interface Cluster {
  readonly pid: number;
  /** Resolves with its last words when it has ended, whatever the reason. */
  readonly ended: Promise<string>;
  /** SIGINT disconnects everybody and stops cleanly, SIGQUIT at once, which is as safe and takes a recovery at the next start. */
  signal(name: "SIGINT" | "SIGQUIT" | "SIGKILL"): void;
}

/**
 * Makes the files of an empty PostgreSQL, on disk and whole or not at all.
 * @param args more arguments for initdb @throws an Error with the last words of initdb
 */
export async function createCluster(programs: Programs, data: string, args: string[], lock?: number): Promise<void> {
  const made = `${data}.new`;
  rmSync(made, { recursive: true, force: true });
  const locale =
    programs.version < 17
      ? ["--locale=C.UTF-8"]
      : ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"];
  const child = programs.run("initdb", ["-D", made, "-E", "UTF8", ...locale, ...args], lock);
  const log = keepLog(child);
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) {
    rmSync(made, { recursive: true, force: true });
    throw new Error(lastLine(log()));
  }
  renameSync(made, data);
  syncFolder(dirname(data));
}

/** Starts PostgreSQL on its files; resolves when it accepts connections. @param settings `name=value` @throws an Error with its last words */
export async function startCluster(
  programs: Programs,
  {
    data,
    settings,
    lock,
    line = "ready to accept connections",
  }: { data: string; settings: string[]; lock?: number | undefined; line?: string },
): Promise<Cluster> {
  const child = programs.run("postgres", ["-D", data, ...settings.flatMap((setting) => ["-c", setting])], lock);
  const log = keepLog(child);
  const ended = once(child, "exit").then(() => lastLine(log()));
  const ready = new Promise<undefined>((resolve) => {
    child.stderr?.on("data", () => void (log().includes(line) && resolve(undefined)));
  });
  const early = await Promise.race([ready, ended]);
  if (early !== undefined) throw new Error(early);
  return {
    pid: child.pid ?? 0,
    ended,
    signal: (name) => void child.kill(name),
  };
}

/** Keeps the end of what a program says. */
function keepLog(child: ChildProcess): () => string {
  let log = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => (log = (log + chunk).slice(-4_000)));
  return () => log;
}

function syncFolder(folder: string): void {
  if (process.platform === "win32") return;
  const opened = openSync(folder, "r");
  try {
    fsyncSync(opened);
  } finally {
    closeSync(opened);
  }
}
