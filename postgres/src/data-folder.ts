import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { EmbeddedRefused } from "./programs.ts";

/** Of pg: where PostgreSQL is. */
export interface Connection {
  /** Folder of the Unix socket, or a host. */
  host: string;
  port: number;
  user: string;
  database: string;
  password?: string;
  ssl: false;
}

export const hasUnixSockets = process.platform !== "win32";

/**
 * Makes the data folder, for nobody's eyes but ours.
 * @returns its absolute path @throws EmbeddedRefused
 */
export function prepareFolder(folder: string): string {
  try {
    const topmost = mkdirSync(folder, { recursive: true, mode: 0o700 });
    const real = realpathSync(folder);
    if (topmost !== undefined) syncFolders(dirname(real), dirname(realpathSync(topmost)));
    if (hasUnixSockets && (statSync(real).mode & 0o077) !== 0) close(real);
    return real;
  } catch (error) {
    if (error instanceof EmbeddedRefused) throw error;
    throw new EmbeddedRefused(`DATA_DIR: the folder ${folder} cannot be used: ${(error as Error).message}`);
  }
}

/** Makes the entries of folders last: without this a power cut may take a new folder away with all that is in it. */
function syncFolders(lowest: string, highest: string): void {
  for (let folder = lowest; ; folder = dirname(folder)) {
    syncFolder(folder);
    if (folder === highest) return;
  }
}

export function syncFolder(folder: string): void {
  if (process.platform === "win32") return;
  const opened = openSync(folder, "r");
  try {
    fsyncSync(opened);
  } finally {
    closeSync(opened);
  }
}

/** What a start that was killed may leave in a new folder, what a server keeps beside its database, and what a file system has of its own. */
const ours = [
  "server.lock",
  "postgres.lock",
  "run",
  "pgdata.new",
  "postgres-password",
  "jwt-secret",
  "media",
  "lost+found",
];

/** Closes a folder to others, unless it is used for something else too, such as /tmp. */
function close(folder: string): void {
  const foreign = readdirSync(folder).filter((name) => !ours.includes(name));
  if (foreign.length > 0 && !foreign.includes("pgdata")) {
    throw new EmbeddedRefused(
      `DATA_DIR: the folder ${folder} is open to others and holds other things (${foreign[0]}): name a folder of its own, or chmod 700 it`,
    );
  }
  chmodSync(folder, 0o700);
}

/** Makes the folder of sockets and links anew: in the data folder, elsewhere if its path is too long for a socket (108 bytes with the final 0). */
export function runFolder(folder: string): string {
  const run = join(folder, "run");
  if (Buffer.byteLength(join(run, ".s.PGSQL.5432")) > 107) return mkdtempSync(join(tmpdir(), "om-"));
  rmSync(run, { recursive: true, force: true });
  mkdirSync(run, { mode: 0o700 });
  return run;
}

/**
 * How PostgreSQL is reached.
 * @param run folder of its socket, which only we can open; undefined: on loopback, with a random password
 * @param isNew a PostgreSQL that is still to be made gets a password anew: a start that was killed may have left half of one
 */
export async function accessTo(
  folder: string,
  run: string | undefined,
  isNew: boolean,
): Promise<{ connection: Connection; settings: string[]; initdb: string[] }> {
  const account = { user: "postgres", database: "postgres", ssl: false } as const;
  if (run !== undefined) {
    return {
      connection: { ...account, host: run, port: 5432 },
      settings: [
        "listen_addresses=",
        "port=5432",
        `unix_socket_directories="${run.replaceAll('"', '""')}"`,
        "unix_socket_permissions=0700",
      ],
      initdb: ["-A", "trust"],
    };
  }
  const file = join(folder, "postgres-password");
  if (isNew) writeFileSync(file, randomBytes(32).toString("base64url"), { mode: 0o600, flush: true });
  const port = await freePort();
  return {
    connection: { ...account, host: "127.0.0.1", port, password: readFileSync(file, "utf8") },
    settings: ["listen_addresses=127.0.0.1", `port=${port}`],
    initdb: ["-A", "scram-sha-256", `--pwfile=${file}`],
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** An empty folder is as good as none. */
export function isMissing(data: string): boolean {
  return !existsSync(data) || (statSync(data).isDirectory() && readdirSync(data).length === 0);
}

/** Also closes the files to others, as PostgreSQL demands. @throws EmbeddedRefused for files that are not of this major version */
export function checkVersion(data: string, ours: number): void {
  const version = Number(existsSync(join(data, "PG_VERSION")) && readFileSync(join(data, "PG_VERSION"), "utf8"));
  if (!(version > 0)) throw new EmbeddedRefused(`${data} holds something else than a PostgreSQL database`);
  if (version !== ours) {
    throw new EmbeddedRefused(
      `${data} is of PostgreSQL ${version}, this build has ${ours}: dump it with the programs of ${version}, move it away, start this build and load the dump (docs/running.md tells how)`,
    );
  }
  if (hasUnixSockets) chmodSync(data, 0o700);
}
