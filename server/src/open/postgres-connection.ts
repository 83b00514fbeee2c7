import { connect } from "node:net";
import type pg from "pg";
import { ConfigError, type Config } from "../config.ts";
import { embeddedDatabase, hostUrls } from "../config-kinds.ts";
import { errorLine } from "../platform/error-line.ts";
import type { NamedServer } from "../platform/postgres/primary.ts";

type DatabaseSettings = Pick<
  Config,
  "databaseUrl" | "dbHost" | "dbPort" | "dbUser" | "dbPassword" | "dbName" | "dbSslMode"
>;

/** No PostgreSQL is named, so the one of the data folder is meant. */
export function isEmbedded({ databaseUrl, dbHost }: DatabaseSettings): boolean {
  return databaseUrl === embeddedDatabase || (databaseUrl === "" && dbHost === "");
}

/** The variable that names the database. */
const variableOf = ({ databaseUrl }: DatabaseSettings): string => (databaseUrl === "" ? "DB_HOST" : "DATABASE_URL");

/** The PostgreSQL servers that DATABASE_URL, else DB_*, names; one of them is the primary. */
export function postgresServers(config: DatabaseSettings): NamedServer[] {
  if (config.databaseUrl !== "") return hostUrls(config.databaseUrl).map(serverOfUrl);
  return [{ name: `${config.dbHost}:${config.dbPort}`, connection: () => connectionOfParts(config) }];
}

export function serverOfUrl(url: string): NamedServer {
  // Neither user nor password, which the host of a URL without them would be taken for.
  const [, host = "", port = "5432"] = /^\w+:\/\/(?:[^/]*@)?([^/?]*?)(?::(\d+))?(?:[/?]|$)/.exec(url) ?? [];
  return {
    name: host === "" ? "localhost" : `${host}:${port}`,
    connection: async () => ({ connectionString: await driverUrl(url) }),
  };
}

async function connectionOfParts(config: DatabaseSettings): Promise<pg.ClientConfig> {
  const { dbHost: host, dbPort: port, dbSslMode: mode } = config;
  const verify = mode === "verify-ca" || mode === "verify-full";
  const isWithout = mode === "disable" || (mode === "prefer" && !(await offersTls(host, port)));
  return {
    host,
    port,
    user: config.dbUser,
    password: config.dbPassword,
    database: config.dbName,
    ssl: !isWithout && {
      rejectUnauthorized: verify,
      ...(mode === "verify-ca" ? { checkServerIdentity: () => undefined } : {}),
    },
  };
}

/** The words of `sslmode` as everybody but the driver means them; `prefer` it does not know at all. */
async function driverUrl(text: string): Promise<string> {
  const mode = /[?&]sslmode=([a-z-]+)/.exec(text)?.[1];
  if (mode === undefined) return text;
  if (mode !== "prefer") return `${text}&uselibpqcompat=true`;
  const url = new URL(text);
  const offered = await offersTls(url.searchParams.get("host") ?? url.hostname, Number(url.port || 5432));
  url.searchParams.set("sslmode", offered ? "require" : "disable");
  return `${url.href}&uselibpqcompat=true`;
}

const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/** Whether a PostgreSQL has TLS to offer; one that cannot be asked has not, and connecting says why. */
function offersTls(host: string, port: number): Promise<boolean> {
  if (host === "" || host.startsWith("/")) return Promise.resolve(false);
  return new Promise((resolve) => {
    const socket = connect({ host: host.replace(/^\[(.*)\]$/, "$1"), port, timeout: 5_000 });
    const answer = (offered: boolean): void => {
      socket.destroy();
      resolve(offered);
    };
    socket.once("connect", () => socket.write(sslRequest));
    socket.once("data", (bytes) => answer(bytes.toString("latin1") === "S"));
    for (const event of ["error", "timeout", "close"]) socket.once(event, () => answer(false));
  });
}

const absent =
  /^(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EPIPE|08\d\d\d|25006|53300|57P0[123])$/;

/** Nobody answers there just now; what else may be wrong does not mend itself. */
export function isAbsent(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, syscall } = error as { code?: unknown; syscall?: unknown };
  if (typeof code !== "string") return /timeout|terminated/.test(error.message);
  return absent.test(code) || (code === "ENOENT" && syscall === "connect");
}

/** One line that begins with the variable that names the database. */
export function unreachable(config: DatabaseSettings, error: unknown): ConfigError {
  return new ConfigError(`${variableOf(config)}: the database cannot be used: ${errorLine(error)}`);
}
