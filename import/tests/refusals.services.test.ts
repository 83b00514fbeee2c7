import { startPostgres, type PostgresServer } from "@om/services";
import { afterAll, beforeAll, expect, test } from "vitest";
import { migrate } from "@om/server/platform/postgres/migrate";
import { addOddRows } from "./fixtures/first-server-odd-rows.ts";
import { generateRows, type OldRows } from "./fixtures/first-server-rows.ts";
import { addOldRows, createFirstServer, onDatabase } from "./fixtures/first-server.ts";
import { startImport } from "./fixtures/import-process.ts";
import { importTarget } from "./fixtures/import-target.ts";
import { startTestServer } from "@om/server/fixtures/test-server";
import { createProgress } from "../src/progress.ts";
import { runImport } from "../src/run-import.ts";

let postgres: PostgresServer;
let from: string;
let rows: OldRows;
beforeAll(async () => {
  postgres = await startPostgres();
  rows = generateRows({ users: 60, messages: 200, seed: 5 });
  addOddRows(rows, { oddVersion: false });
  from = await createFirstServer(postgres, "orm", rows);
});
afterAll(() => postgres[Symbol.asyncDispose]());

/** Imports into a fresh target, or the one that is given. */
async function attempt(url: string, to = postgres.createDatabase()) {
  const progress = createProgress({ write: () => undefined });
  return runImport({ from: { connectionString: url }, to: { connectionString: to }, pageSize: 100, progress });
}

test.each([
  ["refresh_tokens", "sessions"],
  ["group_invite_links", "invites"],
  ["app_versions", "versions"],
  ["group_read_states", undefined],
  ["pending_messages", undefined],
] as const)("a source without %s: it counts as empty, and that is said", async (table, kind) => {
  const url = await createFirstServer(postgres, "orm", rows);
  await onDatabase(url, (client) => client.query(`drop table ${table}`));
  const report = await attempt(url);
  expect(report.complete).toBe(true);
  expect(report.issues).toContainEqual(expect.objectContaining({ reason: "table_missing", examples: [table] }));
  if (kind !== undefined) expect(report.counts[kind]).toBeUndefined();
});

test("an empty first server", async () => {
  const url = await createFirstServer(postgres, "orm", {} as OldRows);
  expect(await attempt(url)).toMatchObject({ complete: true, counts: {} });
});

test.each([
  ["drop table messages cascade", /^the source is not a database of the first server; it has no table messages$/],
  ["drop table users cascade", /it has no table users$/],
  [
    "alter table users drop column password_hash, drop column avatar; alter table messages drop column recipient_id",
    /it has no password_hash, avatar in table users; no recipient_id in table messages$/,
  ],
])("a source after %s is refused in one line", async (change, line) => {
  const url = await createFirstServer(postgres, "orm", rows);
  await onDatabase(url, (client) => client.query(change));
  await expect(attempt(url)).rejects.toThrow(line);
});

test("our own schema is no source, and the first server's is no target", async () => {
  const ours = postgres.createDatabase();
  await migrate({ connectionString: ours });
  await expect(attempt(ours)).rejects.toThrow(
    /not a database of the first server; it has no .*is_delivered, is_read in table messages/,
  );
  await expect(attempt(from, from)).rejects.toThrow(/^the target has tables of another program/);
});

test("a target with data of its own, of another source, or with a running server is refused", async () => {
  await using target = importTarget("PostgreSQL", postgres);
  const url = target.env["DATABASE_URL"] ?? "";
  {
    await using server = await startTestServer({ env: target.env });
    await server.register("somebody");
    await expect(attempt(from, url)).rejects.toThrow("a server runs on the target database");
  }
  await expect(attempt(from, url)).rejects.toThrow("the target has data of its own");

  const fresh = postgres.createDatabase();
  await attempt(from, fresh);
  const other = await createFirstServer(postgres, "orm", rows);
  await onDatabase(other, (client) => client.query("update users set created_at = now()"));
  await expect(attempt(other, fresh)).rejects.toThrow("the target holds an import of another source");
});

test("a user of the source whose id was given to somebody here stops the run before it is mixed up", async () => {
  await using target = importTarget("PostgreSQL", postgres);
  const source = await createFirstServer(postgres, "orm", rows);
  await attempt(source, target.env["DATABASE_URL"]);
  {
    await using server = await startTestServer({ env: target.env });
    expect(await server.register("newcomer")).toMatchObject({ id: 61 });
  }
  const [first] = rows.users;
  if (first === undefined) throw new Error("no users");
  await addOldRows(source, { users: [{ ...first, id: 61, username: "other", email: "other@example.org" }] });
  await expect(attempt(source, target.env["DATABASE_URL"])).rejects.toThrow(
    /^user 61 of the source .* given to another here$/,
  );
});

test.each([
  [[], /^Import not begun: --from: a URL such as/],
  [["--from", "mysql://x"], /^Import not begun: --from: a URL such as/],
  [["--from", "postgresql://x", "--page", "0"], /^Import not begun: --page: a whole number/],
  [["--form", "x"], /^Import not begun: Unknown option '--form'/],
])("the command line %j is refused with exit 2", async (args, line) => {
  const { code, stderr } = await startImport(args, { DATA_DIR: "/nonexistent/om" }).ended;
  expect(stderr).toMatch(line);
  expect(code).toBe(2);
});

test("a source that is no database of the first server: one line and exit 2; --help explains", async () => {
  await using target = importTarget("PostgreSQL", postgres);
  const refused = await startImport(["--from", postgres.createDatabase()], target.env).ended;
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/^Import not begun: the source is not a database of the first server; [^\n]+\n$/);
  const help = await startImport(["--help"], {}).ended;
  expect(help).toMatchObject({ code: 0, stderr: "" });
  expect(help.stdout).toMatch(/--dry-run/);
});
