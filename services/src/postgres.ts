import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { createCluster, npmPrograms, runnable, startCluster, type Cluster } from "@om/postgres";
import { ensureBinaries } from "./binaries.ts";
import { freePort } from "./free-port.ts";
import { querySync } from "./sync-calls.ts";
import { copyTemplate } from "./template.ts";

/** A PostgreSQL of our own: temporary folder, free port on loopback, no password; gone when disposed. */
export interface PostgresServer extends AsyncDisposable {
  readonly port: number;
  /** @returns the URL of a fresh, empty database */
  createDatabase(): string;
  /** SIGKILL to the postmaster and its backends, as in a power cut; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts again on the same data and port; resolves when it accepts connections. */
  start(): Promise<void>;
  /** After `kill`: starts again as a standby that takes over, which begins a new time line. */
  promote(): Promise<void>;
  /** Runs one SQL text on a database of this server and returns the rows as `psql -At` writes them. */
  sql(url: string, text: string): string;
  /** What it has logged, with `logging_collector=on` among its settings. */
  log(): string;
}

/** PostgreSQL of the system, which has more programs. */
export interface SystemPostgres extends PostgresServer {
  /** What pg_dump writes of a database. */
  dump(url: string): string;
  /** Lets psql run a dump, into an empty database of this or of another server. */
  load(url: string, dump: string): void;
}

/**
 * The PostgreSQL that the server brings along.
 * @param settings more `name=value` server settings, such as `fsync=on` (default off: tests kill processes, not machines)
 */
export function startPostgres(settings: string[] = []): Promise<PostgresServer> {
  return startFrom(
    (folder) => npmPrograms(join(folder, "lib")),
    settings,
    async (programs, data) => void (copyTemplate(data) || (await makeEmpty(programs, data))),
  );
}

/** The system's PostgreSQL: the supported minimum of Debian 12, with pg_dump and psql. */
export async function startSystemPostgres(): Promise<SystemPostgres> {
  const bin = dirname(ensureBinaries("postgres").server);
  const server = await startFrom(() => runnable(bin), []);
  const io = { encoding: "utf8", timeout: 60_000, maxBuffer: 50_000_000 } as const;
  return {
    ...server,
    dump: (url) => execFileSync(join(bin, "pg_dump"), [url], io),
    load: (url, input) =>
      void execFileSync(join(bin, "psql"), ["-qX", "-v", "ON_ERROR_STOP=1", "-d", url], { ...io, input }),
  };
}

/**
 * A streaming replica of the system's PostgreSQL at a port, made by pg_basebackup; `select pg_promote()` makes it a primary.
 * In synchronous_standby_names it is `replica`.
 */
export function startReplica(port: number): Promise<PostgresServer> {
  const bin = dirname(ensureBinaries("postgres").server);
  const address = ["-h", "127.0.0.1", "-p", `${port}`, "-U", "postgres"];
  const upstream = `primary_conninfo=host=127.0.0.1 port=${port} user=postgres application_name=replica`;
  return startFrom(
    () => runnable(bin),
    [upstream],
    async (_programs, data) => {
      const options = ["-D", data, "-c", "fast", "--no-sync"];
      await promisify(execFile)(join(bin, "pg_basebackup"), [...address, ...options], { timeout: 60_000 });
      writeFileSync(join(data, "standby.signal"), "");
    },
  );
}

type Programs = ReturnType<typeof runnable>;

const makeEmpty = (programs: Programs, data: string): Promise<void> =>
  createCluster(programs, data, ["-U", "postgres", "-A", "trust", "--no-sync"]);

/** What a standby says once it is ready. */
const readOnlyLine = "ready to accept read-only connections";

/** @param make makes the data folder */
async function startFrom(
  programsIn: (folder: string) => Programs,
  settings: string[],
  make: (programs: Programs, data: string) => Promise<void> = makeEmpty,
): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), "om-postgres-"));
  const programs = programsIn(folder);
  const data = join(folder, "data");
  await make(programs, data);
  const port = await freePort();
  const own = [`port=${port}`, "listen_addresses=127.0.0.1", `unix_socket_directories=${folder}`, "fsync=off"];
  const options = [...own, "max_connections=120", "shared_buffers=128MB", ...settings];
  const start = async (): Promise<Cluster> => {
    const line = existsSync(join(data, "standby.signal")) ? readOnlyLine : undefined;
    if (!settings.includes("logging_collector=on")) return startCluster(programs, { data, settings: options, line });
    const started = await startCluster(programs, { data, settings: options, line: "redirecting log output" });
    const isReady = (): boolean => collectedLog(data).includes(line ?? "ready to accept connections");
    for (let tries = 0; !isReady() && tries < 1_500; tries++) await delay(20);
    return started;
  };
  const restart = async (): Promise<void> => void (cluster = await untilFree(start));
  let cluster: Cluster | undefined = await start();
  const kill = async (): Promise<void> => {
    const killed = cluster;
    cluster = undefined;
    if (killed === undefined) return;
    killAll(killed.pid);
    await killed.ended;
  };
  const removeOnExit = (): void => {
    if (cluster !== undefined) killAll(cluster.pid);
    rmSync(folder, { recursive: true, force: true });
  };
  process.once("exit", removeOnExit);
  const urlOf = (name: string): string => `postgresql://postgres@127.0.0.1:${port}/${name}`;
  let databases = 0;
  return {
    port,
    createDatabase() {
      const name = `t${++databases}`;
      querySync(urlOf("postgres"), `create database ${name}`);
      return urlOf(name);
    },
    kill,
    start: restart,
    async promote() {
      writeFileSync(join(data, "standby.signal"), "");
      await restart();
      querySync(urlOf("postgres"), "select pg_promote()");
    },
    sql: querySync,
    log: () => collectedLog(data),
    async [Symbol.asyncDispose]() {
      process.removeListener("exit", removeOnExit);
      cluster?.signal("SIGQUIT");
      await cluster?.ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Of all its starts. */
function collectedLog(data: string): string {
  const folder = join(data, "log");
  const files = existsSync(folder) ? readdirSync(folder).toSorted() : [];
  return files.map((file) => readFileSync(join(folder, file), "utf8")).join("");
}

/** Starts it again as long as backends of a killed server, which may outlive it for a moment, hold the old memory. */
async function untilFree(start: () => Promise<Cluster>): Promise<Cluster> {
  for (let tries = 1; ; tries++) {
    try {
      return await start();
    } catch (error) {
      if (tries === 50 || !String(error).includes("shared memory block")) throw error;
    }
  }
}

/** The postmaster first, so that it starts nothing new; each backend leads a session of its own, and would notice only at its next wait. */
export function killAll(postmaster: number): void {
  for (const pid of [postmaster, ...childrenOf(postmaster)]) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
}

/** As Linux tells them; elsewhere none. */
function childrenOf(parent: number): number[] {
  if (!existsSync("/proc")) return [];
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => {
      try {
        // After the name, which may hold anything: state, parent.
        const [, ppid] = readFileSync(`/proc/${pid}/stat`, "utf8")
          .replace(/^.*\) /s, "")
          .split(" ");
        return Number(ppid) === parent;
      } catch {
        return false;
      }
    });
}
