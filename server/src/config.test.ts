import { configurationPage } from "./config-page.ts";
import { limits } from "@om/protocol";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { program } from "@om/services";
import { expect, test } from "vitest";
import { ConfigError, helpText, parseConfig, loadEnvironment, settings } from "./config.ts";

const all = Object.values(settings).map(({ env }) => env);

/** The one line that a wrong value earns. */
function refusal(env: Record<string, string>): string {
  try {
    parseConfig(env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error(`nothing is wrong with ${JSON.stringify(env)}`);
}

test("every default parses, and empty or blank means unset", () => {
  const defaults = parseConfig({});
  expect(Object.keys(defaults)).toEqual(Object.keys(settings));
  expect(Object.values(defaults)).not.toContain(undefined);
  expect(parseConfig(Object.fromEntries(all.map((name) => [name, ""])))).toEqual(defaults);
  expect(parseConfig(Object.fromEntries(all.map((name) => [name, " \t"])))).toEqual(defaults);
});

test("a setting's default, written out, is the default", () => {
  const written = Object.values(settings).map((entry) => [entry.env, entry.default]);
  expect(parseConfig(Object.fromEntries(written) as Record<string, string>)).toEqual(parseConfig({}));
});

test("the defaults that operators and clients rely on", () => {
  expect(parseConfig({})).toMatchObject({
    host: "127.0.0.1",
    port: 8080,
    trustProxy: [],
    databaseUrl: "",
    jwtSecret: "",
    allowedOrigins: [],
    csrfMode: "token",
    cookieSecure: false,
    cookieSameSite: "Lax",
    passwordMinLength: 10,
    exposeEmails: false,
    authLimit: 100,
    userLimits: 1,
  });
});

test.each([
  ["COOKIE_SECURE", "maybe", "true or false"],
  ["COOKIE_SECURE", "constructor", "true or false"],
  ["EXPOSE_EMAILS", "__proto__", "true or false"],
  ["EXPOSE_EMAILS", "yes", "true or false"],
  ["PORT", "65536", "a whole number from 0 to 65535"],
  ["PORT", "80a", "a whole number from 0 to 65535"],
  ["PORT", "-1", "a whole number from 0 to 65535"],
  ["PORT", "8e3", "a whole number from 0 to 65535"],
  ["DB_PORT", "0", "a whole number from 1 to 65535"],
  ["PASSWORD_MIN_LENGTH", "7", "a whole number from 8 to 128"],
  ["PASSWORD_MIN_LENGTH", "129", "a whole number from 8 to 128"],
  ["AUTH_LIMIT", "1.5", "a whole number from 0 to 1000000"],
  ["AUTH_LIMIT", "9".repeat(400), "a whole number from 0 to 1000000"],
  ["CSRF_MODE", "on", "one of token, origin, off"],
  ["COOKIE_SAMESITE", "no", "one of Lax, Strict, None, Disabled"],
  ["LOG_LEVEL", "verbose", "one of trace, debug, info, warn, error, fatal, silent"],
  ["DB_SSLMODE", "allow", "one of disable, prefer, require, verify-ca, verify-full"],
  ["ALLOWED_ORIGINS", "*", "a comma-separated list of origins"],
  ["ALLOWED_ORIGINS", "https://*.example.org", "a comma-separated list of origins"],
  ["ALLOWED_ORIGINS", "https://a.example, chat.example.org", "a comma-separated list of origins"],
  ["ALLOWED_ORIGINS", "https://a.example/", "a comma-separated list of origins"],
  ["S3_ENDPOINT", "https://storage.example.org:9000", "a host and, if"],
  ["S3_ENDPOINT", "storage.example.org/bucket", "a host and, if"],
  ["MINIO_ENDPOINT", "user@storage:9000", "a host and, if"],
  ["MINIO_USE_SSL", "perhaps", "true or false"],
  ["REDIS_ADDR", "redis://localhost:6379", "a host and, if it is not 6379, a port"],
  ["REDIS_ADDR", "localhost:65536", "a host and, if it is not 6379, a port"],
  ["REDIS_ADDR", "local host", "a host and, if it is not 6379, a port"],
  ["REDIS_DB", "-1", "a whole number from 0 to 1000000"],
  ["PUBLIC_API_BASE_URL", "chat.example.org/api", "an http or https URL without query that ends with /api"],
  ["PUBLIC_API_BASE_URL", "https:///", "an http or https URL without query"],
  ["PUBLIC_API_BASE_URL", "https://chat.example.org/api?x", "an http or https URL without query"],
])("%s=%s: one line with the variable, the value and what is allowed", (env, value, allowed) => {
  const line = refusal({ [env]: value });
  expect(line.startsWith(`${env}: ${JSON.stringify(value)} cannot be used; allowed: ${allowed}`)).toBe(true);
  expect(line).not.toContain("\n");
});

test.each([
  ["DATABASE_URL", "mysql://om:hunter2hunter2@db/om", "a URL such as postgresql://"],
  ["DATABASE_URL", "om:hunter2hunter2@db", "a URL such as postgresql://"],
  ["REDIS_URL", "http://om:hunter2@cache:6379", "a URL such as redis://"],
  ["REDIS_URL", "redis://om:hunter2@cache:6379/first", "a URL such as redis://"],
  ["REDIS_URL", "rediss://om:hunter2@cache:65536", "a URL such as redis://"],
  ["REDIS_URL", "redis://om:hunter2%@cache", "a URL such as redis://"],
  ["REDIS_URL", "redis://om:hunter2%ff@cache", "a URL such as redis://"],
  ["REDIS_URL", "redis://om:hunter2@cache?db=1", "a URL such as redis://"],
  ["REDIS_URL", "redis://om:hunter2@", "a URL such as redis://"],
  ["JWT_SECRET", "hunter2", "16 bytes or more"],
])("%s: its value is a secret and never shown", (env, value, allowed) => {
  const line = refusal({ [env]: value });
  expect(line).toMatch(new RegExp(`^${env}: its value \\(not shown\\) `));
  expect(line).toContain(allowed);
  expect(line).not.toContain("hunter2");
});

test.each([
  "postgresql://om:hunter2@part/w@127.0.0.1:5432/om",
  "postgresql://om:a#hunter2@127.0.0.1/om",
  "postgresql://om:hunter2@127.0.0.1:5432,127.0.0.1:99999/om",
  "postgresql://om:hunter2@a,b/om?target_session_attrs=any",
  "postgresql://om:hunter2@127.0.0.1:99999/om",
  "postgresql://om:hunter2%@127.0.0.1/om",
  "postgresql://om:hunter2@127.0.0.1/om?sslmode=allow",
])("D1 %s is refused, as a driver would take a part of the password for the host", (value) => {
  expect(refusal({ DATABASE_URL: value })).toMatch(/^DATABASE_URL: its value \(not shown\) cannot be used/);
});

test.each([
  "postgresql://om:hunter%2F2%40@127.0.0.1:5432/om?sslmode=require",
  "postgres://om@[::1]/om",
  "postgresql://om:hunter%2F2%40@db1:5432,db2/om?target_session_attrs=read-write",
  "postgresql://db.example.org",
  "postgresql:///om?host=/var/run/postgresql",
  "postgresql://om@/om?host=/var/run/postgresql",
  "embedded",
])("DATABASE_URL=%s is taken", (value) => {
  expect(parseConfig({ DATABASE_URL: value }).databaseUrl).toBe(value);
});

test("DATABASE_REPLICA_URLS: several URLs with one host each, which are never shown", () => {
  const [one, two] = ["postgresql://om:hunter2@a/om", "postgres://om:hunter%2C2@b:5433/om?sslmode=require"];
  expect(parseConfig({ DATABASE_REPLICA_URLS: `${one}, ${two}` }).databaseReplicaUrls).toEqual([one, two]);
  for (const wrong of ["embedded", "postgresql://om:hunter2@a,b/om", `${one},http://b`]) {
    const line = refusal({ DATABASE_REPLICA_URLS: wrong });
    expect(line).toMatch(/^DATABASE_REPLICA_URLS: its value \(not shown\) cannot be used/);
  }
});

test.each([
  ["COOKIE_DOMAIN", "https://chat.example.org"],
  ["HOST", "http://0.0.0.0"],
  ["PUBLIC_API_BASE_URL", "https://chat.example.org"],
  ["TRUST_PROXY", "localhost"],
])("D1 %s=%s cannot be used", (name, value) => {
  expect(refusal({ [name]: value })).toMatch(new RegExp(`^${name}: "${value}" cannot be used; allowed: `));
});

test.each([
  ["DATABSE_URL", "DATABASE_URL"],
  ["DATABASEURL", "DATABASE_URL"],
  ["database_url", "DATABASE_URL"],
  ["POSTGRES_URL", "DATABASE_URL"],
  ["DB_HOTS", "DB_HOST"],
  ["DB_PASS", "DB_PASSWORD"],
  ["JWT_SECRET_KEY", "JWT_SECRET"],
  ["ALLOWED_ORIGIN", "ALLOWED_ORIGINS"],
  ["REDIS_HOST", "REDIS_URL"],
  ["OM_PORT", "PORT"],
])("D1 %s is refused: %s is meant", (name, meant) => {
  expect(refusal({ [name]: "1" })).toBe(`${name}: there is no such setting; ${meant} is probably meant`);
  // Not where the right one is set, and not when it is empty.
  expect(() => parseConfig({ [name]: " " })).not.toThrow();
});

test("what other programs, shells, Kubernetes and Docker set is nobody's typo", () => {
  const services = { OM_PORT: "tcp://10.0.0.1:80", DB_SERVICE_HOST: "10.0.0.2", DB_PORT_5432_TCP_ADDR: "10.0.0.2" };
  const others =
    "HOME USER PATH TERM LANG PWD SHLVL HOSTNAME LOGNAME MAIL AWS_REGION REDIS_PORT S3 PORTS TEST_DATABASE_URL";
  const env = Object.fromEntries(others.split(" ").map((name) => [name, "x"]));
  expect(() => parseConfig({ ...env, ...services })).not.toThrow();
});

test("D1 parts of a database's address without its host are asked about", () => {
  for (const name of ["DB_USER", "DB_NAME", "DB_PASSWORD"]) {
    expect(refusal({ [name]: "om" })).toBe(`${name}: it is set, and neither DATABASE_URL nor DB_HOST is`);
  }
});

test("D6 a secret may stand in a file, and only there", () => {
  const folder = mkdtempSync(join(tmpdir(), "om-secrets-"));
  const file = join(folder, "secret");
  try {
    writeFileSync(file, "a secret of sixteen bytes or more\n");
    expect(parseConfig({ JWT_SECRET_FILE: file, S3_SECRET_KEY_FILE: file })).toMatchObject({
      jwtSecret: "a secret of sixteen bytes or more",
      s3SecretKey: "a secret of sixteen bytes or more",
    });
    expect(refusal({ JWT_SECRET: "x".repeat(32), JWT_SECRET_FILE: file })).toMatch(
      /^JWT_SECRET_FILE: JWT_SECRET is set too/,
    );
    expect(refusal({ JWT_SECRET_FILE: join(folder, "nothing") })).toMatch(/^JWT_SECRET_FILE: the file cannot be read/);
    writeFileSync(file, " \n");
    expect(refusal({ METRICS_TOKEN_FILE: file })).toMatch(/^METRICS_TOKEN_FILE: the file .* is empty$/);
    writeFileSync(file, "mysql://hunter2@db");
    expect(refusal({ DATABASE_URL_FILE: file })).toMatch(/^DATABASE_URL_FILE: its value \(not shown\) cannot be used/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("every setting that names a secret is marked as one", () => {
  const secrets = Object.values(settings).filter((entry) => "secret" in entry && entry.secret);
  const named = all.filter((name) => /PASSWORD$|SECRET|_KEY$|TOKEN$|(DATABASE|REDIS|REPLICA)_URLS?$/.test(name));
  expect(secrets.map(({ env }) => env).toSorted()).toEqual(named.toSorted());
});

test("values are trimmed; flags and choices are read without case, lists with blanks and empty entries", () => {
  const config = parseConfig({
    PORT: " 0 ",
    COOKIE_SECURE: "TRUE",
    EXPOSE_EMAILS: "1",
    S3_USE_SSL: "0",
    COOKIE_SAMESITE: "none",
    CSRF_MODE: "Origin",
    ALLOWED_ORIGINS: " https://a.example , ,http://localhost:3000,",
    TRUST_PROXY: "127.0.0.1, 10.0.0.0/8",
    PUBLIC_API_BASE_URL: "https://chat.example.org/api//",
  });
  expect(config).toMatchObject({
    port: 0,
    cookieSecure: true,
    exposeEmails: true,
    s3UseSsl: false,
    cookieSameSite: "None",
    csrfMode: "origin",
    allowedOrigins: ["https://a.example", "http://localhost:3000"],
    trustProxy: ["127.0.0.1", "10.0.0.0/8"],
    publicApiBaseUrl: "https://chat.example.org/api",
  });
});

test("older names of the storage's settings count where the new ones are unset", () => {
  const old = {
    MINIO_ENDPOINT: "minio:9000",
    MINIO_BUCKET: "om",
    MINIO_ACCESS_KEY: "a",
    MINIO_SECRET_KEY: "s",
    MINIO_USE_SSL: "true",
  };
  const read = { s3Endpoint: "minio:9000", s3Bucket: "om", s3AccessKey: "a", s3SecretKey: "s", s3UseSsl: true };
  expect(parseConfig(old)).toMatchObject(read);
  expect(parseConfig({ ...old, S3_ENDPOINT: " ", S3_USE_SSL: "" })).toMatchObject(read);
  const both = { ...old, S3_ENDPOINT: "[::1]:9000", S3_USE_SSL: "0" };
  expect(parseConfig(both)).toMatchObject({ ...read, s3Endpoint: "[::1]:9000", s3UseSsl: false });
  for (const name of Object.keys(old)) expect(helpText()).toContain(name);
});

test("a .env file fills in what the environment does not set", () => {
  const folder = mkdtempSync(join(tmpdir(), "om-env-"));
  const [home, before] = [process.cwd(), { ...process.env }];
  try {
    process.chdir(folder);
    expect(loadEnvironment()["OM_TEST_ONE"]).toBeUndefined();
    writeFileSync(".env", 'OM_TEST_ONE=file\nOM_TEST_TWO="of the file" # a remark\n');
    process.env["OM_TEST_ONE"] = "environment";
    expect(loadEnvironment()).toMatchObject({ OM_TEST_ONE: "environment", OM_TEST_TWO: "of the file" });
  } finally {
    process.env = before;
    process.chdir(home);
    rmSync(folder, { recursive: true });
  }
});

test("docs/configuration.md is the page of the table; after a change of the table: npm run docs", () => {
  const page = readFileSync(new URL("../../docs/configuration.md", import.meta.url), "utf8");
  expect(page).toBe(configurationPage());
  for (const name of all) expect(page).toContain(`\`${name}\``);
});

/** `npm start` with arguments and settings, to its end. */
function run(args: string[], env: Record<string, string> = {}) {
  const node = [...program("server/src/main.ts"), ...args];
  return new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, node, { env: { ...process.env, ...env } }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
    );
  });
}

test("--help lists every variable and starts nothing", async () => {
  const { code, stdout } = await run(["--help"], { PORT: "nonsense" });
  expect(code).toBe(0);
  expect(stdout.trimEnd()).toBe(helpText().trimEnd());
  for (const name of all) expect(stdout).toMatch(new RegExp(`^ {2}${name}$`, "m"));
});

test("a wrong setting ends the start with that one line and exit code 1", async () => {
  const { code, stdout, stderr } = await run([], { PORT: "nonsense" });
  expect([code, stdout]).toEqual([1, ""]);
  expect(JSON.parse(stderr)).toMatchObject({
    level: "fatal",
    msg: `OM Messenger cannot start: ${refusal({ PORT: "nonsense" })}`,
  });
});

test("D5 --version tells the version and starts nothing", async () => {
  const { code, stdout } = await run(["--version"], { PORT: "nonsense" });
  const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  const { version } = JSON.parse(manifest) as { version: string };
  expect([code, stdout]).toEqual([0, `${version}\n`]);
  expect(readFileSync(new URL("../../CHANGELOG.md", import.meta.url), "utf8")).toContain(`## ${version}\n`);
});

test("the longest text that may be allowed fits into a frame", () => {
  const fits = (characters: number): boolean => 4 * characters + 4_096 <= limits.frameHardBytes;
  for (const characters of [250_000, 300_000]) {
    const read = () => parseConfig({ MAX_MESSAGE_LENGTH: String(characters) });
    if (fits(characters)) expect(read().maxMessageLength).toBe(characters);
    else expect(read).toThrow(/^MAX_MESSAGE_LENGTH: /);
  }
});
