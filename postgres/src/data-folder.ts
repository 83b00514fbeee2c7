import { randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

const hasUnixSockets = process.platform !== "win32";

/**
 * Makes the data folder, for nobody's eyes but ours.
 * @returns its absolute path @throws EmbeddedRefused
 */
export function prepareFolder(folder: string): string {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const real = realpathSync(folder);
    if (hasUnixSockets && (statSync(real).mode & 0o077) !== 0) close(real);
    return real;
  } catch (error) {
    if (error instanceof EmbeddedRefused) throw error;
    throw new EmbeddedRefused(`the data folder ${folder} cannot be used: ${(error as Error).message}`);
  }
}

/** Closes a folder to others, unless it is used for something else too, such as /tmp. */
function close(folder: string): void {
  const foreign = readdirSync(folder).filter((name) => !["lost+found", "jwt-secret", "server.lock"].includes(name));
  if (foreign.length > 0 && !foreign.includes("pgdata")) {
    throw new EmbeddedRefused(
      `the data folder ${folder} is open to others and holds other things (${foreign[0]}): name a folder of its own, or chmod 700 it`,
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

/** How PostgreSQL is reached: on a socket that only we can open, else on loopback with a random password. */
export async function accessTo(
  folder: string,
  run: string,
): Promise<{ connection: Connection; settings: string[]; initdb: string[] }> {
  const own = { user: "postgres", database: "postgres", ssl: false } as const;
  if (hasUnixSockets) {
    return {
      connection: { ...own, host: run, port: 5432 },
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
  if (!existsSync(file)) writeFileSync(file, randomBytes(32).toString("base64url"), { mode: 0o600, flush: true });
  const port = await freePort();
  return {
    connection: { ...own, host: "127.0.0.1", port, password: readFileSync(file, "utf8") },
    settings: ["listen_addresses=127.0.0.1", `port=${port}`],
    initdb: ["-A", "scram-sha-256", `--pwfile=${file}`],
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
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
