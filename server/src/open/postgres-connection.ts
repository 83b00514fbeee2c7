import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import type pg from "pg";
import { ConfigError, type Config } from "../config.ts";

type Mode = Config["dbSslMode"];
const modes: ReadonlySet<string> = new Set<Mode>(["disable", "prefer", "require", "verify-ca", "verify-full"]);

/** DATABASE_URL, else DB_*; undefined: the embedded database. @throws ConfigError */
export function externalConnection(config: Config): pg.ClientConfig | undefined {
  if (config.databaseUrl !== "") return fromUrl(config.databaseUrl, config.dbSslMode);
  if (config.dbHost === "") return undefined;
  return {
    host: config.dbHost,
    port: config.dbPort,
    user: config.dbUser,
    password: config.dbPassword,
    database: config.dbName,
    ssl: tls(config.dbSslMode, {}),
  };
}

/** What the URL says of TLS is read here: the driver gives the words another meaning than libpq and DB_SSLMODE. */
function fromUrl(url: string, fallback: Mode): pg.ClientConfig {
  const [address = "", query = ""] = url.split("?", 2);
  const parameters = new URLSearchParams(query);
  const take = (name: string): string | undefined => {
    const value = parameters.get(name) ?? undefined;
    parameters.delete(name);
    return value;
  };
  const asked = take("sslmode") ?? (take("ssl") === "true" ? "require" : fallback);
  if (!modes.has(asked)) {
    throw new ConfigError(`DATABASE_URL: sslmode=${asked} cannot be used; allowed: one of ${[...modes].join(", ")}`);
  }
  const files = { ca: file(take("sslrootcert")), cert: file(take("sslcert")), key: file(take("sslkey")) };
  const rest = parameters.size === 0 ? "" : `?${parameters.toString()}`;
  return { connectionString: `${address}${rest}`, ssl: tls(asked as Mode, files) };
}

function file(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new ConfigError(`DATABASE_URL: ${path} cannot be read: ${(error as Error).message}`);
  }
}

/** As libpq has it, but for `prefer`: the driver cannot go back to a connection without TLS, so it goes without from the start. */
function tls(mode: Mode, files: Pick<ConnectionOptions, "ca" | "cert" | "key">): pg.ClientConfig["ssl"] {
  if (mode === "disable" || mode === "prefer") return false;
  const given = Object.fromEntries(Object.entries(files).filter(([, text]) => text !== undefined));
  // A name that is not checked is better than a certificate that is not; so an authority that is given counts for `require` too.
  if (mode === "require" && files.ca === undefined) return { ...given, rejectUnauthorized: false };
  if (mode === "verify-full") return { ...given, rejectUnauthorized: true };
  return { ...given, rejectUnauthorized: true, checkServerIdentity: () => undefined };
}
