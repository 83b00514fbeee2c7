import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { syncFolder } from "./data-folder.ts";
import { lastLine, type Programs } from "./programs.ts";

/** How long initdb, or the recovery from a crash, may take on a slow disk, in ms. */
const startTimeoutMs = 600_000;

/** How long the last words of one that has ended may take to arrive, in ms. */
const lastWordsMs = 500;

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
export async function createCluster(
  programs: Programs,
  data: string,
  args: string[],
  { lock, signal }: Pick<ClusterOptions, "lock" | "signal"> = {},
): Promise<void> {
  signal?.throwIfAborted();
  const unfinished = `${data}.new`;
  rmSync(unfinished, { recursive: true, force: true });
  const locale =
    programs.version < 17
      ? ["--locale=C.UTF-8"]
      : ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"];
  const child = programs.run("initdb", ["-D", unfinished, "-E", "UTF8", ...locale, ...args], lock);
  const log = keepLog(child);
  const giveUp = (): void => void child.kill("SIGKILL");
  const timer = setTimeout(giveUp, startTimeoutMs);
  signal?.addEventListener("abort", giveUp);
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(timer);
  signal?.removeEventListener("abort", giveUp);
  if (code !== 0) {
    rmSync(unfinished, { recursive: true, force: true });
    signal?.throwIfAborted();
    throw new Error(lastLine(log()));
  }
  renameSync(unfinished, data);
  syncFolder(dirname(data));
}

export interface ClusterOptions {
  data: string;
  /** `name=value` each. */
  settings: string[];
  /** An open file that it holds as long as one of its processes lives. */
  lock?: number | undefined;
  /** Gives the start up. */
  signal?: AbortSignal | undefined;
  /** What it says when it is ready. */
  line?: string | undefined;
}

/** Starts PostgreSQL on its files; resolves when it accepts connections. @throws an Error with its last words */
export async function startCluster(
  programs: Programs,
  { data, settings, lock, signal, line = "ready to accept connections" }: ClusterOptions,
): Promise<Cluster> {
  signal?.throwIfAborted();
  const child = programs.run("postgres", ["-D", data, ...settings.flatMap((setting) => ["-c", setting])], lock);
  const log = keepLog(child);
  const closed = once(child, "close");
  const ended = once(child, "exit").then(async () => {
    // What it has said may not be read yet; processes of one that was killed may keep its output open.
    await Promise.race([closed, delay(lastWordsMs, undefined, { ref: false })]);
    return lastLine(log());
  });
  const ready = new Promise<undefined>((resolve) => {
    child.stderr?.on("data", () => void (log().includes(line) && resolve(undefined)));
  });
  const limit = AbortSignal.any([AbortSignal.timeout(startTimeoutMs), ...(signal ? [signal] : [])]);
  const giveUp = (): void => void child.kill("SIGQUIT");
  limit.addEventListener("abort", giveUp);
  const early = await Promise.race([ready, ended]).finally(() => limit.removeEventListener("abort", giveUp));
  if (early !== undefined) throw new Error(limit.aborted ? "it was not ready in time" : early);
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
