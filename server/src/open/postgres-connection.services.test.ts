import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgres, type PostgresServer } from "@om/services";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { selfSigned } from "../../tests/fixtures/self-signed.ts";
import { parseConfig } from "../config.ts";
import { externalConnection } from "./postgres-connection.ts";

let folder: string;
let ca: string;
let secure: PostgresServer;
let plain: PostgresServer;
/** Of the server with TLS, whose certificate is for 127.0.0.1 and of nobody's authority. */
let url: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "om-tls-"));
  const files = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem") };
  const { cert, key } = selfSigned();
  writeFileSync(files.cert, cert);
  writeFileSync(files.key, key, { mode: 0o600 });
  ca = files.cert;
  secure = await startPostgres(["ssl=on", `ssl_cert_file=${files.cert}`, `ssl_key_file=${files.key}`]);
  plain = await startPostgres();
  url = secure.createDatabase();
});
afterAll(async () => {
  await Promise.all([secure[Symbol.asyncDispose](), plain[Symbol.asyncDispose]()]);
  rmSync(folder, { recursive: true, force: true });
});

/** Whether the connection that the settings mean has TLS, or why there is none. */
async function connectsWith(env: Record<string, string>): Promise<string> {
  const client = new pg.Client(externalConnection(parseConfig(env)));
  try {
    await client.connect();
    const { rows } = await client.query<{ ssl: boolean }>("select ssl from pg_stat_ssl where pid = pg_backend_pid()");
    return rows[0]?.ssl === true ? "TLS" : "plain";
  } catch (error) {
    return (error as Error).message;
  } finally {
    await client.end().catch(() => undefined);
  }
}

test.each([
  ["disable", "127.0.0.1", "", "plain"],
  ["prefer", "127.0.0.1", "", "plain"],
  ["require", "127.0.0.1", "", "TLS"],
  ["require", "localhost", "", "TLS"],
  ["verify-ca", "127.0.0.1", "", /self.signed/],
  ["verify-full", "127.0.0.1", "", /self.signed/],
  ["verify-ca", "localhost", "ca", "TLS"],
  ["verify-full", "127.0.0.1", "ca", "TLS"],
  ["verify-full", "localhost", "ca", /does not match/],
])("B8: sslmode=%s at %s means the same in the URL and as DB_SSLMODE (%s)", async (mode, host, authority, expected) => {
  const address = new URL(url);
  address.hostname = host;
  const outcomes: string[] = [];
  const root = authority === "" ? "" : `&sslrootcert=${encodeURIComponent(ca)}`;
  outcomes.push(await connectsWith({ DATABASE_URL: `${address.href}?sslmode=${mode}${root}` }));
  outcomes.push(await connectsWith({ DATABASE_URL: `${address.href}?x=1${root}`, DB_SSLMODE: mode }));
  const parts = { DB_HOST: host, DB_PORT: address.port, DB_USER: "postgres", DB_NAME: address.pathname.slice(1) };
  // There the authority is one that the machine trusts.
  if (authority === "") outcomes.push(await connectsWith({ ...parts, DB_SSLMODE: mode }));
  for (const outcome of outcomes) {
    if (typeof expected === "string") expect(outcome).toBe(expected);
    else expect(outcome).toMatch(expected);
  }
});

test("B8: where TLS is required there is no connection without it", async () => {
  const refused = "The server does not support SSL connections";
  expect(await connectsWith({ DATABASE_URL: `${plain.createDatabase()}?sslmode=require` })).toBe(refused);
});

test.each([
  ["sslmode=full", "DATABASE_URL: sslmode=full cannot be used; allowed: one of disable, prefer, require"],
  ["sslmode=require&sslrootcert=/nowhere.pem", "DATABASE_URL: /nowhere.pem cannot be read"],
])("what cannot be meant stops the start: %s", (query, why) => {
  expect(() => externalConnection(parseConfig({ DATABASE_URL: `postgresql://om:secret@db/om?${query}` }))).toThrow(why);
});
