import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { parse as parseEnvFile } from "dotenv";
import { cacheSteps } from "./cache/steps.ts";
import { readFault } from "./cache/fault-step.ts";

/** What a setting may hold; `parse` returns the value or throws a text that says what is allowed. */
interface Kind<T> {
  allowed: string;
  /** What an unset setting without default is; "" when it is not said. */
  empty?: T;
  parse(text: string): T | undefined;
}

const text: Kind<string> = { allowed: "any text", parse: (value) => value };
/** Of entries that fit; none when it is empty. */
const listOf = (allowed: string, fits: (entry: string) => boolean): Kind<string[]> => ({
  allowed: `a comma-separated list of ${allowed}`,
  empty: [],
  parse(value) {
    const entries = value.split(",").map((entry) => entry.trim());
    const given = entries.filter((entry) => entry !== "");
    return given.every(fits) ? given : undefined;
  },
});
const flags = new Map(Object.entries({ true: true, 1: true, false: false, 0: false }));
const flag: Kind<boolean> = { allowed: "true or false", parse: (value) => flags.get(value.toLowerCase()) };
const whole = (min: number, max: number): Kind<number> => ({
  allowed: `a whole number from ${min} to ${max}`,
  parse: (value) =>
    /^\d{1,15}$/.test(value) && Number(value) >= min && Number(value) <= max ? Number(value) : undefined,
});
const oneOf = <const T extends string>(...values: T[]): Kind<T> => ({
  allowed: `one of ${values.join(", ")}`,
  parse: (value) => values.find((known) => known.toLowerCase() === value.toLowerCase()),
});
const origins = listOf("origins such as https://chat.example.org, without path and without *", (entry) =>
  /^[a-z][a-z0-9+.-]*:\/\/[^/?#*\s]+$/i.test(entry),
);
const networks = listOf("addresses and networks such as 10.0.0.0/8", (entry) => {
  if (["loopback", "linklocal", "uniquelocal"].includes(entry)) return true;
  const [, address = "", bits = "1"] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
  const family = isIP(address);
  return family !== 0 && Number(bits) >= 1 && Number(bits) <= (family === 4 ? 32 : 128);
});
const baseUrl: Kind<string> = {
  allowed: "an http or https URL without query",
  parse: (value) => (/^https?:\/\/[^/?#\s][^?#\s]*$/i.test(value) ? value.replace(/\/+$/, "") : undefined),
};
const matching = (pattern: RegExp, allowed: string): Kind<string> => ({
  allowed,
  parse: (value) => (pattern.test(value) ? value : undefined),
});
const postgresUrl = matching(/^postgres(ql)?:\/\/\S+$/, "a URL such as postgresql://user:password@host:5432/name");
const hostAndPort = matching(
  /^(?:[a-z0-9._-]+|\[[0-9a-f:]+\])(?::\d{1,5})?$/i,
  "a host and, if it is not the usual one, a port, such as storage.example.org:9000",
);
const redisUrl: Kind<string> = {
  allowed:
    "a URL such as redis://user:password@host:6379/0, or rediss:// for TLS; of a cluster several hosts, separated by commas",
  parse: (value) =>
    /^rediss?:\/\/[^\s/?#]+(?:\/\d{0,6})?$/.test(value) &&
    redisUrls(value).every((url) => URL.canParse(url) && new URL(url).hostname !== "" && isEncoded(url))
      ? value
      : undefined,
};
const redisAddress: Kind<string> = {
  allowed: "a host and, if it is not 6379, a port, such as localhost:6379; of a cluster several, separated by commas",
  parse: (value) =>
    value.split(",").every((one) => hostAndPort.parse(one) !== undefined && URL.canParse(`redis://${one}`))
      ? value
      : undefined,
};

/** One URL for each host of a REDIS_URL. */
export function redisUrls(value: string): string[] {
  const [, front = "", hosts = "", path = ""] = /^(rediss?:\/\/(?:[^/]*@)?)([^/]*)(.*)$/.exec(value) ?? [];
  return hosts.split(",").map((host) => `${front}${host}${path}`);
}

function isEncoded(text: string): boolean {
  try {
    return decodeURIComponent(text) !== "";
  } catch {
    return false;
  }
}

const faultPoint: Kind<string> = {
  allowed: `<step>:<probability>; steps: ${cacheSteps.join(", ")}`,
  parse: (value) => (readFault(value) === undefined ? undefined : value),
};

interface Setting<T> {
  /** The variable's name, where it is not that of the setting: `dataDir` is DATA_DIR. */
  env?: string;
  /** An older name of the variable, which counts when the other is unset or empty. */
  also?: string;
  kind: Kind<T>;
  /** The text that is parsed when the variable is unset or empty. */
  default: string;
  meaning: string;
  secret?: true;
}

const setting = <T>(kind: Kind<T>, fallback: string, meaning: string): Setting<T> => ({
  kind,
  default: fallback,
  meaning,
});
const secret = (kind: Kind<string>, meaning: string): Setting<string> => ({
  ...setting(kind, "", meaning),
  secret: true,
});

/** Every setting of the server. `--help` and docs/configuration.md are made from this table. */
const table = {
  host: setting(text, "127.0.0.1", "Address to listen on; 0.0.0.0 for all interfaces"),
  port: setting(whole(0, 65_535), "8080", "Port to listen on; 0 picks a free one"),
  dataDir: setting(
    text,
    "./data",
    "Folder of the embedded database, of a generated JWT secret and, without S3_ENDPOINT, of avatars and attachments",
  ),
  logLevel: setting(
    oneOf("trace", "debug", "info", "warn", "error", "fatal", "silent"),
    "info",
    "How much to log, as JSON lines on standard output",
  ),
  trustProxy: setting(
    networks,
    "",
    "Addresses or networks of reverse proxies whose X-Forwarded-For is believed, such as 127.0.0.1,10.0.0.0/8; empty: none",
  ),

  databaseUrl: secret(
    postgresUrl,
    "PostgreSQL 15 or newer. Without it DB_HOST decides; without that too the embedded database in DATA_DIR is used",
  ),
  dbHost: setting(text, "", "PostgreSQL host, if DATABASE_URL is not set"),
  dbPort: setting(whole(1, 65_535), "5432", "PostgreSQL port, with DB_HOST"),
  dbUser: setting(text, "", "PostgreSQL user, with DB_HOST"),
  dbPassword: secret(text, "PostgreSQL password, with DB_HOST"),
  dbName: setting(text, "", "PostgreSQL database, with DB_HOST"),
  dbSslMode: {
    ...setting(
      oneOf("disable", "prefer", "require", "verify-ca", "verify-full"),
      "prefer",
      "TLS to PostgreSQL, with DB_HOST",
    ),
    env: "DB_SSLMODE",
  },
  dbPool: setting(whole(2, 200), "16", "Connections to PostgreSQL"),
  sendLanes: setting(whole(1, 16), "2", "Batches that may commit side by side"),

  jwtSecret: secret(
    text,
    "Key that signs access tokens, 16 bytes or more, 32 advised. The embedded database keeps a generated one in DATA_DIR; with PostgreSQL the server refuses to start without it",
  ),
  allowedOrigins: setting(
    origins,
    "",
    "Browser origins that may call, compared exactly; empty: only pages of this server's own origin",
  ),
  csrfMode: setting(
    oneOf("token", "origin", "off"),
    "token",
    "How unsafe requests of browsers are proven: by the om_csrf cookie repeated in X-OM-CSRF, by Origin alone, or not",
  ),
  cookieSecure: setting(flag, "false", "Send cookies over HTTPS only"),
  cookieDomain: setting(text, "", "Domain attribute of the cookies; empty: none"),
  cookieSameSite: {
    ...setting(
      oneOf("Lax", "Strict", "None", "Disabled"),
      "Lax",
      "SameSite attribute of the cookies; None also sets Secure, Disabled leaves the attribute out",
    ),
    env: "COOKIE_SAMESITE",
  },
  passwordMinLength: setting(whole(8, 72), "10", "Shortest password, in bytes"),
  whoMayAdd: setting(
    oneOf("everybody", "contacts", "nobody"),
    "contacts",
    "Who may add people to groups who have not chosen themselves: everybody, only those to whom they have written or whose messages they have read, or nobody",
  ),
  exposeEmails: setting(flag, "false", "Show everybody's e-mail address to every user"),

  maxMessageLength: setting(whole(1, 1_000_000), "16000", "Longest message in characters; longer ones are refused"),
  pendingDays: setting(
    whole(1, 3650),
    "30",
    "Days for which an undelivered message is pushed again at every connect of a client that does not resume by cursor",
  ),

  eraseAfterDays: setting(
    whole(0, 36_500),
    "30",
    "Days after which text and files of what was deleted for everybody and of closed accounts are erased from database and storage; 0 = at once",
  ),

  authLimit: setting(whole(0, 1_000_000), "20", "Calls of /api/auth per minute and address; 0 = off"),
  namesLimit: setting(whole(0, 1_000_000), "120", "Calls of /api/users/check-username per minute and address; 0 = off"),
  loginLimit: setting(
    whole(0, 1_000_000),
    "30",
    "Failed logins per account and address in 15 minutes, then 429; 0 = off",
  ),
  avatarLimit: setting(whole(0, 1_000_000), "10", "Uploads of avatars and group icons per user in 10 minutes; 0 = off"),
  attachmentLimit: setting(whole(0, 1_000_000), "120", "Uploads of attachments per user in 10 minutes; 0 = off"),
  frameRate: setting(
    whole(0, 1_000_000),
    "50",
    "Frames per second that one socket may send for long; more are delayed, not refused; 0 = off",
  ),
  frameBurst: setting(whole(1, 1_000_000), "200", "Frames that one socket may send at once before FRAME_RATE holds"),
  maxSockets: setting(whole(0, 1_000_000), "50000", "WebSocket connections of this process; 0 = off"),
  maxSocketsPerUser: setting(
    whole(0, 10_000),
    "20",
    "WebSocket connections of one user; the oldest is closed; 0 = off",
  ),
  sendQueueBytes: setting(
    whole(65_536, 1_073_741_824),
    "8388608",
    "What may wait for one slow socket before it is closed with 4002",
  ),
  metricsToken: secret(text, "Bearer token that /metrics asks for; empty: /metrics answers this machine only"),
  publicApiBaseUrl: setting(
    baseUrl,
    "",
    "Public address of the API, such as https://chat.example.org/api; URLs of avatars and attachments begin with it. Unset: the address the server listens on, which may reach no further than this machine",
  ),
  publicJoinBaseUrl: setting(
    baseUrl,
    "",
    "Public address that invite links begin with; empty: answers carry only the path",
  ),
  redisUrl: secret(
    redisUrl,
    "Redis 6.2 or newer, or Valkey: for the cache, for who is online, and for pushes between nodes. Without it REDIS_ADDR decides; without that too there is none of this",
  ),
  redisAddr: setting(redisAddress, "", "Redis or Valkey without TLS, if REDIS_URL is not set"),
  redisPassword: secret(text, "Redis password, if REDIS_URL holds none"),
  redisDb: setting(whole(0, 1_000_000), "0", "Redis database number, if REDIS_URL names none"),
  redisCluster: setting(
    flag,
    "false",
    "It is a Redis or Valkey Cluster; REDIS_URL or REDIS_ADDR then names one of its nodes or, separated by commas, several, which are asked for the others",
  ),
  redisCaFile: setting(
    text,
    "",
    "PEM file of the authority that signed the certificate of a rediss:// server, if this machine does not trust it anyway",
  ),
  s3Endpoint: {
    ...setting(hostAndPort, "", "S3-compatible storage of avatars and attachments; unset: DATA_DIR"),
    also: "MINIO_ENDPOINT",
  },
  s3Bucket: { ...setting(text, "", "Bucket of that storage; it must exist"), also: "MINIO_BUCKET" },
  s3AccessKey: { ...secret(text, "Access key of that storage"), also: "MINIO_ACCESS_KEY" },
  s3SecretKey: { ...secret(text, "Secret key of that storage"), also: "MINIO_SECRET_KEY" },
  s3Region: setting(text, "us-east-1", "Region of that storage; few but Amazon's ask for another"),
  s3UseSsl: { ...setting(flag, "false", "Reach that storage over TLS"), also: "MINIO_USE_SSL" },

  faultAt: setting(
    faultPoint,
    "",
    "For verification only: the process kills itself at this step of a read or write, with this probability",
  ),
  wsDebug: setting(flag, "false", "Log the size of every inbound frame"),
} as const;
type Settings = typeof table;

/** By their names in `Config`. */
export const settings: Readonly<Record<string, Setting<unknown> & { env: string }>> = Object.fromEntries(
  Object.entries(table).map(([name, entry]) => [
    name,
    { env: name.replaceAll(/[A-Z]/g, "_$&").toUpperCase(), ...entry },
  ]),
);

/** Typed values of all settings; empty text means unset. */
export type Config = { -readonly [N in keyof Settings]: Settings[N] extends Setting<infer T> ? T : never };

/** A setting that cannot be used; the message is one line that names it, its value (never a secret) and what is allowed. */
export class ConfigError extends Error {}

/** @throws ConfigError */
export function parseConfig(env: Record<string, string | undefined>): Config {
  const entries = Object.entries(settings).map(([name, entry]) => {
    const variable = [entry.env, entry.also ?? ""].find((one) => (env[one]?.trim() ?? "") !== "") ?? entry.env;
    const given = env[variable]?.trim() ?? "";
    if (given === "" && entry.default === "") return [name, entry.kind.empty ?? ""];
    const value = entry.kind.parse(given === "" ? entry.default : given);
    if (value === undefined) {
      const shown = entry.secret ? "its value (not shown)" : JSON.stringify(given);
      throw new ConfigError(`${variable}: ${shown} cannot be used; allowed: ${entry.kind.allowed}`);
    }
    return [name, value];
  });
  const config = Object.fromEntries(entries) as Config;
  if (config.jwtSecret !== "" && Buffer.byteLength(config.jwtSecret) < 16) {
    throw new ConfigError("JWT_SECRET: its value (not shown) is too short; allowed: 16 bytes or more, 32 advised");
  }
  return config;
}

/** The environment, completed by a `.env` file in the working directory; the environment wins. */
export function loadEnvironment(): Record<string, string | undefined> {
  try {
    return { ...parseEnvFile(readFileSync(".env")), ...process.env };
  } catch {
    return process.env;
  }
}

/** Text of `--help`. */
export function helpText(): string {
  const rows = Object.values(settings).map((entry) => {
    const fallback = entry.default === "" ? "unset" : entry.default;
    return `  ${entry.env}\n      ${meaningOf(entry)}.\n      Default: ${fallback}. Allowed: ${entry.kind.allowed}.`;
  });
  return `OM Messenger server. Settings are environment variables, or lines of a .env file here:\n\n${rows.join("\n")}\n`;
}

function meaningOf({ meaning, also }: Setting<unknown>): string {
  return also === undefined ? meaning : `${meaning}. ${also} is taken when it is unset`;
}

/** docs/configuration.md. */
export function configurationPage(): string {
  const rows = Object.values(settings).map((entry) => {
    const fallback = entry.default === "" ? "–" : `\`${entry.default}\``;
    return `| \`${entry.env}\` | ${fallback} | ${meaningOf(entry)}. | ${entry.kind.allowed} |`;
  });
  return [
    "# Configuration",
    "",
    "Made from the settings table in `server/src/config.ts` by `npm run docs`; do not edit.",
    "",
    "Settings are environment variables. A `.env` file in the working directory fills in what the environment does not set.",
    "A value that cannot be used stops the start with one line that names the variable and what is allowed.",
    "",
    "| Variable | Default | Meaning | Allowed |",
    "| --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}
