import { readFileSync } from "node:fs";
import { limits } from "@om/protocol";
import { parse as parseEnvFile } from "dotenv";
import {
  apiUrl,
  baseUrl,
  domain,
  domains,
  door,
  faultPoint,
  flag,
  host,
  hostAndPort,
  networks,
  oneOf,
  origins,
  postgresUrl,
  postgresUrls,
  redisAddress,
  redisUrl,
  sslMode,
  text,
  whole,
  type Kind,
} from "./config-kinds.ts";
import { meantSetting } from "./config-names.ts";

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
  host: setting(host, "127.0.0.1", "Address to listen on; 0.0.0.0 for all interfaces"),
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
  workers: setting(
    whole(0, 64),
    "0",
    "Processes that serve the port together. 0: half as many as the machine has cores, 8 at the most, and one if it has two cores, or without a Redis",
  ),
  drainSeconds: setting(
    whole(0, 300),
    "5",
    "How long a stop by SIGTERM takes its time: for the first half /ready says 503 and all goes on, so that load balancers notice, in the second the sockets are sent away one after the other; with the embedded database, which serves this node alone, it is 0",
  ),
  trustProxy: setting(
    networks,
    "",
    "Addresses or networks of reverse proxies whose X-Forwarded-For is believed, such as 127.0.0.1,10.0.0.0/8; empty: none",
  ),

  databaseUrl: secret(
    postgresUrl,
    "PostgreSQL 15 or newer; of several hosts, the one that takes writes. Without it DB_HOST decides; without that too, or with the word embedded, it is the embedded database in DATA_DIR",
  ),
  databaseReplicaUrls: {
    ...setting(
      postgresUrls,
      "",
      "Streaming replicas of that PostgreSQL, which answer what takes long (older pages of histories, searches) whenever they have replayed all that anybody has seen",
    ),
    secret: true as const,
  },
  dbHost: setting(text, "", "PostgreSQL host, if DATABASE_URL is not set"),
  dbPort: setting(whole(1, 65_535), "5432", "PostgreSQL port, with DB_HOST"),
  dbUser: setting(text, "", "PostgreSQL user, with DB_HOST"),
  dbPassword: secret(text, "PostgreSQL password, with DB_HOST"),
  dbName: setting(text, "", "PostgreSQL database, with DB_HOST"),
  dbSslMode: {
    ...setting(sslMode, "prefer", "TLS to PostgreSQL, with DB_HOST"),
    env: "DB_SSLMODE",
  },
  dbPool: setting(whole(2, 200), "16", "Connections to PostgreSQL, shared out among the WORKERS, 4 each at the least"),
  sendLanes: setting(whole(1, 16), "2", "Batches that may commit side by side"),

  jwtSecret: secret(
    text,
    "Key that signs access tokens, 16 bytes or more, 32 advised. The embedded database keeps a generated one in DATA_DIR; with PostgreSQL the server refuses to start without it",
  ),
  jwtSecretPrevious: secret(
    text,
    "A second key that is taken too, to change JWT_SECRET without logging anybody out: first put the new key here on every server, then exchange the two, and a day later remove this",
  ),
  allowedOrigins: setting(
    origins,
    "",
    "Browser origins that may call, compared exactly; empty: only pages of this server itself, by the hosts of PUBLIC_API_BASE_URL and PUBLIC_JOIN_BASE_URL, by a numeric address or as localhost",
  ),
  csrfMode: setting(
    oneOf("token", "origin", "off"),
    "token",
    "How unsafe requests of browsers are proven: by the om_csrf cookie repeated in X-OM-CSRF, by Origin alone, or not",
  ),
  cookieSecure: setting(
    flag,
    "false",
    "Send cookies over HTTPS only; true as soon as PUBLIC_API_BASE_URL begins with https",
  ),
  cookieDomain: setting(domain, "", "Domain attribute of the cookies; empty: none"),
  cookieSameSite: {
    ...setting(
      oneOf("Lax", "Strict", "None", "Disabled"),
      "Lax",
      "SameSite attribute of the cookies; None also sets Secure, Disabled leaves the attribute out",
    ),
    env: "COOKIE_SAMESITE",
  },
  sessionDays: setting(
    whole(1, 365),
    "180",
    "Days without use after which a session ends; a year after its beginning it ends however much it is used",
  ),
  registration: setting(
    door,
    "",
    "Who may make an account: open, everybody; invite, whoever has a link that om invite create makes; domains, who has an address of REGISTRATION_DOMAINS, once an administrator lets them in; approval, whom an administrator lets in; closed, nobody. Unset: open where HOST is this machine alone or an import has brought people, else invite",
  ),
  registrationDomains: setting(
    domains,
    "",
    "Domains of e-mail addresses that may register, such as example.org,example.com, with REGISTRATION=domains",
  ),
  passwordMinLength: setting(
    whole(8, limits.passwordChars),
    "10",
    "Shortest password, in characters; common ones and the own name are refused at any length",
  ),
  whoMayAdd: setting(
    oneOf("everybody", "contacts", "nobody"),
    "contacts",
    "Who may add people to groups who have not chosen themselves: everybody, only those to whom they have written or whose messages they have read, or nobody",
  ),
  exposeEmails: setting(flag, "false", "Show everybody's e-mail address to every user"),

  // Four bytes each, and what else a message has, fit into a frame (`limits.frameHardBytes`).
  maxMessageLength: setting(whole(1, 250_000), "16000", "Longest message in characters; longer ones are refused"),
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

  userLimits: setting(
    whole(0, 1_000),
    "1",
    "How much one user may do, by all sockets and requests together, before it is slowed and then refused: 1 is enough for people and for a bot, 10 is ten times as much, 0 = off",
  ),
  authLimit: setting(
    whole(0, 1_000_000),
    "100",
    "Calls of /api/auth per minute and address, and ten times as many renewals of sessions; 0 = off",
  ),
  namesLimit: setting(whole(0, 1_000_000), "120", "Calls of /api/users/check-username per minute and address; 0 = off"),
  loginLimit: setting(
    whole(0, 1_000_000),
    "10",
    "Wrong passwords of one account, from anywhere, before each further one has to wait: 1 s, twice as long each time, up to 15 minutes; devices and networks from which its owner has logged in are counted by themselves; ten times as many of one network; 0 = off",
  ),
  avatarLimit: setting(whole(0, 1_000_000), "10", "Uploads of avatars and group icons per user in 10 minutes; 0 = off"),
  attachmentLimit: setting(whole(0, 1_000_000), "120", "Uploads of attachments per user in 10 minutes; 0 = off"),
  mediaUserBytes: setting(
    whole(0, 1e15 - 1),
    "5368709120",
    "Bytes of attachments that one person may keep here, then 413; 0 = off",
  ),
  mediaTotalBytes: setting(
    whole(0, 1e15 - 1),
    "0",
    "Bytes of attachments that all people together may keep here, then 507; 0 = off",
  ),
  mediaMinFreeBytes: setting(
    whole(0, 1e15 - 1),
    "1073741824",
    "Bytes that uploads leave free on the disk of DATA_DIR, else they are answered 507; with S3_ENDPOINT they only pass through it",
  ),
  maxSockets: setting(whole(0, 1_000_000), "50000", "WebSocket connections of each process; 0 = off"),
  socketsPerSecond: setting(
    whole(0, 1_000_000),
    "250",
    "WebSocket connections that each process lets in per second, after a second's worth at once; more wait for 8 s at the most, and then get 503 with Retry-After; 0 = off",
  ),
  maxSocketsPerUser: setting(
    whole(0, 10_000),
    "20",
    "WebSocket connections of one user; the oldest is closed; 0 = off",
  ),
  sendQueueBytes: setting(
    whole(65_536, 1_073_741_824),
    "8388608",
    "What may wait for the sockets of one user together before the slowest is closed with 4002",
  ),
  metricsToken: secret(text, "Bearer token that /metrics asks for; empty: /metrics answers this machine only"),
  publicApiBaseUrl: setting(
    apiUrl,
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
    "Redis 6.2 or newer, or Valkey: for the cache, for who is online, and for pushes between nodes. Without it REDIS_ADDR decides; without that too there is no cache, and nodes with the same DATABASE_URL hear each other by way of it",
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

type Environment = Record<string, string | undefined>;

/** Reads the files that `…_FILE` variables name. @throws ConfigError */
export function parseConfig(env: Environment): Config {
  const entries = Object.entries(settings).map(([name, entry]) => {
    const { variable, given } = valueOf(env, entry);
    if (given === "" && entry.default === "") return [name, entry.kind.empty ?? ""];
    const value = entry.kind.parse(given === "" ? entry.default : given);
    if (value === undefined) {
      const shown = entry.secret ? "its value (not shown)" : JSON.stringify(given);
      throw new ConfigError(`${variable}: ${shown} cannot be used; allowed: ${entry.kind.allowed}`);
    }
    return [name, value];
  });
  const config = Object.fromEntries(entries) as Config;
  for (const name of ["jwtSecret", "jwtSecretPrevious"] as const) {
    if (config[name] === "" || Buffer.byteLength(config[name]) >= 16) continue;
    const { env: variable } = settings[name] ?? { env: name };
    throw new ConfigError(`${variable}: its value (not shown) is too short; allowed: 16 bytes or more, 32 advised`);
  }
  refuseMisspelt(env);
  if (config.registration === "domains" && config.registrationDomains.length === 0)
    throw new ConfigError("REGISTRATION: domains needs REGISTRATION_DOMAINS, which says of which");
  for (const [name, value] of Object.entries({
    DB_USER: config.dbUser,
    DB_NAME: config.dbName,
    DB_PASSWORD: config.dbPassword,
  })) {
    if (value !== "" && config.databaseUrl === "" && config.dbHost === "")
      throw new ConfigError(`${name}: it is set, and neither DATABASE_URL nor DB_HOST is`);
  }
  return config;
}

/** The variable that counts, and its text; "" when it is unset. @throws ConfigError */
function valueOf(env: Environment, entry: Setting<unknown> & { env: string }): { variable: string; given: string } {
  const textOf = (name: string): string => env[name]?.trim() ?? "";
  const names = [entry.env, ...(entry.also === undefined ? [] : [entry.also])];
  const variables = entry.secret ? names.flatMap((name) => [name, `${name}_FILE`]) : names;
  const variable = variables.find((name) => textOf(name) !== "") ?? entry.env;
  if (!entry.secret || !variable.endsWith("_FILE")) {
    if (entry.secret && textOf(variable) !== "" && textOf(`${variable}_FILE`) !== "")
      throw new ConfigError(`${variable}_FILE: ${variable} is set too; only one of them may be`);
    return { variable, given: textOf(variable) };
  }
  try {
    const given = readFileSync(textOf(variable), "utf8").trim();
    if (given !== "") return { variable, given };
  } catch (error) {
    throw new ConfigError(`${variable}: the file cannot be read: ${(error as Error).message}`);
  }
  throw new ConfigError(`${variable}: the file ${JSON.stringify(textOf(variable))} is empty`);
}

/** A typo in a name would be a setting that is not set, such as an empty database instead of one's own. */
function refuseMisspelt(env: Environment): void {
  const names = Object.values(settings).flatMap(({ env: name, also, secret: isSecret }) => {
    const both = [name, ...(also === undefined ? [] : [also])];
    return isSecret ? both.flatMap((one) => [one, `${one}_FILE`]) : both;
  });
  for (const [name, value = ""] of Object.entries(env)) {
    // Kubernetes names services so: OM_PORT=tcp://10.0.0.1:8080.
    const meant = /^(?:(?:tcp|udp):.*|\s*)$/.test(value) ? undefined : meantSetting(name, names);
    if (meant !== undefined && (env[meant]?.trim() ?? "") === "")
      throw new ConfigError(`${name}: there is no such setting; ${meant} is probably meant`);
  }
}

/** The environment, completed by a `.env` file in the working directory; the environment wins. */
export function loadEnvironment(): Record<string, string | undefined> {
  try {
    return { ...parseEnvFile(readFileSync(".env")), ...process.env };
  } catch {
    return process.env;
  }
}

/** What counts here, by variable; of a secret whether it is set. @throws ConfigError */
export function effectiveSettings(env: Environment = loadEnvironment()): { setting: string; value: string }[] {
  const config: Record<string, unknown> = parseConfig(env);
  return Object.entries(settings).map(([name, { env: setting, secret: isSecret }]) => {
    const value = String(config[name]);
    return { setting, value: isSecret && value !== "" ? "set, not shown" : value };
  });
}

/** Text of `--help`. */
export function helpText(): string {
  const rows = Object.values(settings).map((entry) => {
    const fallback = entry.default === "" ? "unset" : entry.default;
    return `  ${entry.env}\n      ${meaningOf(entry)}.\n      Default: ${fallback}. Allowed: ${entry.kind.allowed}.`;
  });
  const secrets = ofSecrets(secretNames().join(", "));
  return `OM Messenger server. Settings are environment variables, or lines of a .env file here. ${secrets}.\n\n${rows.join("\n")}\n`;
}

export function meaningOf({ meaning, also }: Setting<unknown>): string {
  return also === undefined ? meaning : `${meaning}. ${also} is taken when it is unset`;
}

export const secretNames = (): string[] => Object.values(settings).flatMap(({ env, secret }) => (secret ? [env] : []));
export const ofSecrets = (names: string): string =>
  `A secret may stand in a file instead, which ${names} with _FILE behind it names`;
