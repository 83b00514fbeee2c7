import { closeSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createCluster, startCluster, type Cluster } from "./cluster.ts";
import { accessTo, checkVersion, isMissing, prepareFolder, runFolder, type Connection } from "./data-folder.ts";
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

/** Starts that may fail, or not last for `steady` ms, before it is given up. */
const maxTries = 8;
const steady = 3_000;

/**
 * @param given the data folder; made when missing, and held against every other server until the end
 * @throws EmbeddedRefused
 */
export async function startEmbedded(given: string, options: EmbeddedOptions): Promise<Embedded> {
  const folder = prepareFolder(given);
  const held = lockFile(join(folder, "server.lock"));
  if (held === undefined) throw new EmbeddedRefused(`${given} is in use by another server`);
  const data = join(folder, "pgdata");
  const run = runFolder(folder);
  const release = (): void => {
    rmSync(run, { recursive: true, force: true });
    closeSync(held);
  };
  try {
    const programs = npmPrograms(join(run, "lib"));
    const access = await accessTo(folder, run);
    const all = [...settings, ...access.settings, `max_connections=${options.connections + 10}`];
    const launch = (): Promise<Cluster> =>
      withDatabaseLock(folder, data, (lock) => {
        // Nobody has these files open, so whatever process it names is another one.
        rmSync(join(data, "postmaster.pid"), { force: true });
        return startCluster(programs, { data, settings: all, lock });
      });
    if (isMissing(data)) {
      const args = ["-U", access.connection.user, ...access.initdb];
      await withDatabaseLock(folder, data, (lock) => createCluster(programs, data, args, lock));
    }
    checkVersion(data, programs.version);
    const stop = keepUp(await launch(), launch, options);
    return {
      connection: access.connection,
      async [Symbol.asyncDispose]() {
        await stop();
        release();
      },
    };
  } catch (error) {
    release();
    throw error instanceof EmbeddedRefused ? error : new EmbeddedRefused(inWords(data, error));
  }
}

/** Starts it again whenever it ends, until the returned function has stopped it. */
function keepUp(first: Cluster, launch: () => Promise<Cluster>, options: EmbeddedOptions): () => Promise<void> {
  let stopping = false;
  let running: Cluster | undefined = first;
  let tries = 0;
  let reviving = Promise.resolve();
  const watch = (cluster: Cluster): void => {
    const since = performance.now();
    void cluster.ended.then((words) => {
      running = undefined;
      if (performance.now() - since > steady) tries = 0;
      if (!stopping) reviving = revive(words);
    });
  };
  async function revive(last: string): Promise<void> {
    options.onOutage(new Error(`the embedded database has ended and is started again (${last})`));
    let words = last;
    for (; !stopping; tries++) {
      if (tries === maxTries) return options.onEnd(new Error(`the embedded database does not stay up (${words})`));
      await delay(tries === 0 ? 0 : 50 * 2 ** tries);
      try {
        running = await launch();
        tries += 1;
        return watch(running);
      } catch (error) {
        words = error instanceof Error ? error.message : String(error);
      }
    }
  }
  watch(first);
  return async () => {
    stopping = true;
    await reviving;
    if (running !== undefined) await stopCluster(running);
  };
}

/** In order: a clean stop, else one that the next start recovers from. */
async function stopCluster(cluster: Cluster): Promise<void> {
  for (const [signal, patience] of [
    ["SIGINT", 5_000],
    ["SIGQUIT", 2_000],
    ["SIGKILL", 1_000],
  ] as const) {
    cluster.signal(signal);
    const over = new AbortController();
    const late = delay(patience, "late", { signal: over.signal }).catch(() => "");
    const first = await Promise.race([cluster.ended, late]);
    over.abort();
    if (first !== "late") return;
  }
}

/**
 * Runs `work` with the lock that PostgreSQL and all its processes hold as long as they live, however the server before has ended.
 * @throws EmbeddedRefused when those of an earlier server do not go
 */
async function withDatabaseLock<T>(folder: string, data: string, work: (lock: number) => Promise<T>): Promise<T> {
  const begin = performance.now();
  for (let tries = 0; ; tries++) {
    const lock = lockFile(join(folder, "postgres.lock"));
    if (lock !== undefined) {
      try {
        return await work(lock);
      } finally {
        closeSync(lock);
      }
    }
    if (tries === 0) endPostmaster(data, "SIGINT");
    if (tries === 200) endPostmaster(data, "SIGQUIT");
    if (performance.now() - begin > 30_000) {
      throw new EmbeddedRefused(
        `${folder} is still in use by the database of a server that is gone, in another container or on another machine`,
      );
    }
    await delay(50);
  }
}

/** Ends the PostgreSQL that an earlier server left behind, if it is within reach. */
function endPostmaster(data: string, signal: NodeJS.Signals): void {
  try {
    const pid = Number.parseInt(readFileSync(join(data, "postmaster.pid"), "utf8"), 10);
    const isOurs =
      process.platform !== "linux" || readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes(data);
    if (pid > 1 && isOurs) process.kill(pid, signal);
  } catch {
    // It has just ended, or is not of this container or machine.
  }
}

function inWords(data: string, error: unknown): string {
  const words = error instanceof Error ? error.message : String(error);
  if (/incompatible with server|control file/.test(words)) {
    return `${data} was made on another kind of machine or by the embedded database of earlier builds (PGlite), and cannot be read: move it away to begin anew (${words})`;
  }
  return `the embedded database does not start: ${words}`;
}
