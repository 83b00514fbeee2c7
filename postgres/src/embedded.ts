import { spawnSync } from "node:child_process";
import { closeSync, existsSync, readFileSync, readlinkSync, realpathSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createCluster, startCluster, type Cluster } from "./cluster.ts";
import {
  accessTo,
  checkVersion,
  hasUnixSockets,
  isMissing,
  prepareFolder,
  runFolder,
  type Connection,
} from "./data-folder.ts";
import { lockFile } from "./file-lock.ts";
import { EmbeddedRefused, npmPrograms } from "./programs.ts";

/** PostgreSQL of our own in a data folder. */
export interface Embedded extends AsyncDisposable {
  /** The same after a restart. */
  readonly connection: Connection;
}

export interface EmbeddedOptions {
  /** How many connections will be open at the same time. */
  connections: number;
  /** It has ended by itself and is started again. */
  onOutage: (error: Error) => void;
  /** It does not stay up and is given up; called once. */
  onEnd: (error: Error) => void;
  /** Gives up a start that is under way. */
  signal?: AbortSignal | undefined;
  /** Default: where the platform has them. */
  unixSockets?: boolean;
}

/** What must hold whatever stands in postgresql.conf. The text of statements never goes to the log: it holds messages. */
const settings = [
  "fsync=on",
  "full_page_writes=on",
  "synchronous_commit=on",
  "log_min_messages=log",
  "log_min_error_statement=panic",
  "log_checkpoints=off",
  "logging_collector=off",
  "log_destination=stderr",
  // Queries are small, and containers often have little shared memory for more processes.
  "max_parallel_workers_per_gather=0",
  "jit=off",
];

/** Starts that may fail, or not last for `steadyAfterMs`, before it is given up. */
const maxTries = 8;
const steadyAfterMs = 3_000;

/**
 * @param given the data folder; made when missing, and held against every other server until the end
 * @throws EmbeddedRefused
 */
export async function startEmbedded(given: string, options: EmbeddedOptions): Promise<Embedded> {
  const { unixSockets = hasUnixSockets } = options;
  const folder = prepareFolder(given);
  const serverLock = lockFile(join(folder, "server.lock"));
  if (serverLock === undefined) throw new EmbeddedRefused(`${given} is in use by another server`);
  const data = join(folder, "pgdata");
  let run: string | undefined;
  const release = (): void => {
    if (run !== undefined) rmSync(run, { recursive: true, force: true });
    closeSync(serverLock);
  };
  try {
    run = runFolder(folder);
    const programs = npmPrograms(join(run, "lib"));
    const isNew = isMissing(data);
    const access = await accessTo(folder, unixSockets ? run : undefined, isNew);
    const all = [...settings, ...access.settings, `max_connections=${options.connections + 10}`];
    // Nobody has the files open when we have the lock, so whatever process these name is another one.
    const stale = [join(data, "postmaster.pid"), join(run, ".s.PGSQL.5432.lock")];
    const launch = (signal?: AbortSignal): Promise<Cluster> =>
      withDatabaseLock({ folder, data, signal }, (lock) => {
        for (const file of stale) rmSync(file, { force: true });
        return startCluster(programs, { data, settings: all, lock, signal });
      });
    if (isNew) {
      const args = ["-U", access.connection.user, ...access.initdb];
      const { signal } = options;
      await withDatabaseLock({ folder, data, signal }, (lock) => createCluster(programs, data, args, { lock, signal }));
    }
    checkVersion(data, programs.version);
    const stop = keepUp(await launch(options.signal), launch, options);
    return {
      connection: access.connection,
      async [Symbol.asyncDispose]() {
        await stop();
        release();
      },
    };
  } catch (error) {
    release();
    throw error instanceof EmbeddedRefused ? error : new EmbeddedRefused(errorLine(data, error));
  }
}

/** The database of a server that runs on the data folder, for somebody else who only reads; undefined: none is within reach. */
export function runningConnection(folder: string): Connection | undefined {
  const run = join(folder, "run");
  if (!hasUnixSockets || isMissing(run) || !existsSync(join(run, ".s.PGSQL.5432"))) return undefined;
  return { host: realpathSync(run), port: 5432, user: "postgres", database: "postgres", ssl: false };
}

/** Starts it again whenever it ends, until the returned function has stopped it. */
function keepUp(
  first: Cluster,
  launch: (signal: AbortSignal) => Promise<Cluster>,
  options: EmbeddedOptions,
): () => Promise<void> {
  const stopping = new AbortController();
  const { signal } = stopping;
  let running: Cluster | undefined = first;
  let tries = 0;
  let reviving = Promise.resolve();
  const watch = (cluster: Cluster): void => {
    const since = performance.now();
    void cluster.ended.then((lastWords) => {
      running = undefined;
      if (performance.now() - since > steadyAfterMs) tries = 0;
      if (!signal.aborted) reviving = revive(lastWords);
    });
  };
  async function revive(lastWords: string): Promise<void> {
    options.onOutage(new Error(`the embedded database has ended and is started again (${lastWords})`));
    let reason = lastWords;
    for (; !signal.aborted; tries++) {
      if (tries === maxTries) return options.onEnd(new Error(`the embedded database does not stay up (${reason})`));
      try {
        await delay(tries === 0 ? 0 : 50 * 2 ** tries, undefined, { signal });
        running = await launch(signal);
        tries += 1;
        return watch(running);
      } catch (error) {
        reason = error instanceof Error ? error.message : String(error);
      }
    }
  }
  watch(first);
  return async () => {
    stopping.abort();
    await reviving;
    if (running !== undefined) await stopCluster(running);
  };
}

/** In order: a clean stop, else one that the next start recovers from. */
async function stopCluster(cluster: Cluster): Promise<void> {
  for (const [signal, timeoutMs] of [
    ["SIGINT", 5_000],
    ["SIGQUIT", 2_000],
    ["SIGKILL", 1_000],
  ] as const) {
    cluster.signal(signal);
    const over = new AbortController();
    const late = delay(timeoutMs, "late", { signal: over.signal }).catch(() => "");
    const first = await Promise.race([cluster.ended, late]);
    over.abort();
    if (first !== "late") return;
  }
}

/**
 * Runs `work` with the lock that PostgreSQL and all its processes hold as long as they live, however the server before has ended.
 * @throws EmbeddedRefused when those of an earlier server do not go
 */
async function withDatabaseLock<T>(
  { folder, data, signal }: { folder: string; data: string; signal: AbortSignal | undefined },
  work: (lock: number) => Promise<T>,
): Promise<T> {
  const begin = performance.now();
  for (let isStopping = false; ;) {
    const lock = lockFile(join(folder, "postgres.lock"));
    if (lock !== undefined) {
      try {
        const pid = postmasterOf(data);
        if (pid !== undefined) {
          throw new EmbeddedRefused(
            `${data} is in use by a PostgreSQL that was started by hand (process ${pid}): stop it`,
          );
        }
        return await work(lock);
      } finally {
        closeSync(lock);
      }
    }
    const waitedMs = performance.now() - begin;
    if (waitedMs > 30_000) {
      throw new EmbeddedRefused(
        `${folder} is still in use by the database of a server that is gone, in another container or on another machine`,
      );
    }
    // It may not have come so far as to say its number.
    if (!isStopping) isStopping = endPostmaster(data, "SIGINT");
    else if (waitedMs > 10_000) endPostmaster(data, "SIGQUIT");
    await delay(50, undefined, { signal });
  }
}

/** @returns whether there was one within reach */
function endPostmaster(data: string, signal: NodeJS.Signals): boolean {
  try {
    const pid = postmasterOf(data);
    return pid !== undefined && process.kill(pid, signal);
  } catch {
    return false; // It has just ended.
  }
}

/** The PostgreSQL that runs on these files, if it is of this container and machine; its file may name a process that is something else by now. */
function postmasterOf(data: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(join(data, "postmaster.pid"), "utf8"), 10);
    return pid > 1 && isPostmaster(pid, data) ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Every PostgreSQL works in its data folder; only Linux tells that, the others the command. */
function isPostmaster(pid: number, data: string): boolean {
  if (process.platform === "linux") return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(data);
  const [command, args, sign] =
    process.platform === "win32"
      ? (["tasklist", ["/FI", `PID eq ${pid}`], "postgres.exe"] as const)
      : (["ps", ["-o", "command=", "-p", `${pid}`], data] as const);
  return spawnSync(command, args, { encoding: "utf8", timeout: 30_000 }).stdout.includes(sign);
}

function errorLine(data: string, error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  if (/incompatible with server|control file/.test(reason)) {
    return `${data} was made on another kind of machine or by the embedded database of earlier builds (PGlite), and cannot be read: move it away to begin anew (${reason})`;
  }
  return `the embedded database does not start: ${reason}`;
}
