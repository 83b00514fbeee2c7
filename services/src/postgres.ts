import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ensureBinaries } from "./binaries.ts";
import { freePort } from "./free-port.ts";

/** A PostgreSQL of our own: temporary folder, free port on loopback, no password; gone when disposed. */
export interface PostgresServer extends AsyncDisposable {
  /** @returns the URL of a fresh, empty database */
  createDatabase(): string;
  /** SIGKILL to the postmaster and its backends, as in a power cut; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts again on the same data and port; resolves when it accepts connections. */
  start(): Promise<void>;
  /** After `kill`: starts again as a standby that takes over, which begins a new time line. */
  promote(): Promise<void>;
  /** Runs one SQL text on a database of this server and returns psql's bare output. */
  sql(url: string, text: string): string;
  /** What pg_dump writes of a database. */
  dump(url: string): string;
  /** Lets psql run a dump, into an empty database of this or of another server. */
  load(url: string, dump: string): void;
}

/** @param settings more `name=value` server settings, such as `fsync=on` (default off: tests kill processes, not machines) */
export async function startPostgres(settings: string[] = []): Promise<PostgresServer> {
  const bin = dirname(ensureBinaries("postgres").server);
  const folder = mkdtempSync(join(tmpdir(), "om-postgres-"));
  const owner = unprivileged();
  if (owner !== undefined) chownSync(folder, owner.uid, owner.gid);
  const as = { ...owner, cwd: folder, env: { ...process.env, LC_ALL: "C.UTF-8" } };
  const data = join(folder, "data");
  const init = ["-D", data, "-U", "om", "-A", "trust", "-E", "UTF8", "--no-sync"];
  execFileSync(join(bin, "initdb"), init, { ...as, stdio: "pipe", timeout: 60_000 });

  const port = await freePort();
  const own = [`port=${port}`, "listen_addresses=127.0.0.1", `unix_socket_directories=${folder}`, "fsync=off"];
  const options = [...own, "max_connections=120", "shared_buffers=128MB", ...settings];
  const start = (): ChildProcess =>
    // A process group of its own, which an interrupt of the tests does not reach.
    spawn(join(bin, "postgres"), ["-D", data, ...options.flatMap((option) => ["-c", option])], {
      ...as,
      stdio: ["ignore", "ignore", "pipe"],
      detached: true,
    });

  let child = start();
  const removeOnExit = (): void => {
    if (child.pid !== undefined && child.exitCode === null) killAll(child.pid);
    rmSync(folder, { recursive: true, force: true });
  };
  process.once("exit", removeOnExit);
  await accepting(child);
  let databases = 0;
  const { psql, dump, load } = clients(bin, port);
  const restart = (line?: string): Promise<void> => untilAccepting(() => (child = start()), line);
  return {
    createDatabase() {
      const name = `t${++databases}`;
      psql("postgres", `create database ${name}`);
      return `postgresql://om@127.0.0.1:${port}/${name}`;
    },
    kill: () => end(child, "SIGKILL"),
    start: () => restart(),
    async promote() {
      const signal = join(data, "standby.signal");
      writeFileSync(signal, "");
      if (owner !== undefined) chownSync(signal, owner.uid, owner.gid);
      await restart("ready to accept read-only connections");
      psql("postgres", "select pg_promote()");
    },
    sql: (url, text) => psql(new URL(url).pathname.slice(1), text),
    dump,
    load,
    async [Symbol.asyncDispose]() {
      process.removeListener("exit", removeOnExit);
      await end(child, "SIGQUIT");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** PostgreSQL's own programs, against the server on `port` of loopback. */
function clients(bin: string, port: number) {
  const io = { encoding: "utf8", timeout: 60_000, maxBuffer: 50_000_000 } as const;
  const strict = ["-qX", "-v", "ON_ERROR_STOP=1"];
  return {
    psql(database: string, text: string): string {
      const where = ["-h", "127.0.0.1", "-p", String(port), "-U", "om", "-d", database];
      return execFileSync(join(bin, "psql"), [...where, ...strict, "-At", "-c", text], io).trim();
    },
    dump: (url: string): string => execFileSync(join(bin, "pg_dump"), [url], io),
    load(url: string, input: string): void {
      execFileSync(join(bin, "psql"), [...strict, "-d", url], { ...io, input });
    },
  };
}

/** Starts it again as long as backends of a killed server, which may outlive it for a moment, hold the old memory. */
async function untilAccepting(start: () => ChildProcess, line?: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await accepting(start(), line);
    } catch (error) {
      if (tries === 50 || !String(error).includes("shared memory block")) throw error;
    }
  }
}

async function accepting(child: ChildProcess, line = "ready to accept connections"): Promise<void> {
  let log = "";
  await new Promise<void>((resolve, reject) => {
    child.once("exit", () => reject(new Error(`PostgreSQL ended while starting:\n${log}`)));
    child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
      log = (log + chunk).slice(-4000);
      if (log.includes(line)) resolve();
    });
  });
  child.removeAllListeners("exit");
}

async function end(child: ChildProcess, signal: "SIGKILL" | "SIGQUIT"): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  if (signal === "SIGKILL") killAll(child.pid);
  else process.kill(child.pid, signal);
  await gone;
}

/** The postmaster first, so that it starts nothing new; each backend leads a session of its own, and would notice only at its next wait. */
function killAll(postmaster: number): void {
  const backends = childrenOf(postmaster);
  process.kill(postmaster, "SIGKILL");
  for (const pid of backends) {
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

/** PostgreSQL refuses to run as root; then it runs as `postgres` or `nobody`. */
function unprivileged(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  const user = users.find(([name]) => name === "postgres") ?? users.find(([name]) => name === "nobody");
  if (user === undefined) throw new Error("PostgreSQL cannot run as root, and there is no user postgres or nobody.");
  return { uid: Number(user[2]), gid: Number(user[3]) };
}
