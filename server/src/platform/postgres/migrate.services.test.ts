import { readdirSync } from "node:fs";
import { startSystemPostgres, type SystemPostgres } from "@om/services";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { startTransactionPooler } from "../../../tests/fixtures/transaction-pooler.ts";
import { migrate } from "./migrate.ts";

const steps = readdirSync(new URL("../../../sql/migrations/", import.meta.url)).map((name) => `migrations/${name}`);

let server: SystemPostgres;
let connectionString: string;
const sql = (text: string): string => server.sql(connectionString, text);
/** Everything that a migration changes, in one text. */
const schema = (): string => server.dump(connectionString).replaceAll(/^\\(un)?restrict .*$/gm, "");
beforeAll(async () => {
  server = await startSystemPostgres();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => void (connectionString = server.createDatabase()));
afterEach(() => void vi.restoreAllMocks());

test("side by side they run once, and again they change nothing", async () => {
  await Promise.all([migrate({ connectionString }), migrate({ connectionString }), migrate({ connectionString })]);
  expect(sql("select string_agg(name, ' ' order by name) from schema_migrations")).toBe(
    ["functions", ...steps].join(" "),
  );
  const before = schema();
  await migrate({ connectionString });
  expect(schema()).toBe(before);
});

test("functions are applied whole when one has changed", async () => {
  await migrate({ connectionString });
  const before = sql(
    "select md5(string_agg(prosrc, '' order by oid)) from pg_proc where proname ~ '^(seq_of_message|send_batch)'",
  );
  sql(`create or replace function seq_of_message(p_conversation bigint, p_id bigint) returns bigint language sql as 'select 7::bigint';
       update schema_migrations set checksum = 'of another build' where name = 'functions'`);
  await migrate({ connectionString });
  expect(
    sql("select md5(string_agg(prosrc, '' order by oid)) from pg_proc where proname ~ '^(seq_of_message|send_batch)'"),
  ).toBe(before);
});

test.each([
  [
    "a schema newer than the build",
    "insert into schema_migrations values ('migrations/900-later.sql', '')",
    "has had migrations/900-later.sql",
  ],
  [
    "a migration that was edited",
    `update schema_migrations set checksum = '' where name = '${steps[0]}'`,
    `${steps[0]} is not what`,
  ],
])("%s is refused in words and changes nothing", async (_, change, words) => {
  await migrate({ connectionString });
  sql(`${change}; update schema_migrations set checksum = 'of another build' where name = 'functions'`);
  const before = schema();
  await expect(migrate({ connectionString })).rejects.toThrow(words);
  expect(schema()).toBe(before);
});

test("one that fails leaves nothing of itself", async () => {
  sql("create table sessions (in_the_way int)");
  await expect(migrate({ connectionString })).rejects.toThrow("sessions");
  expect(sql("select to_regclass('users') is null and to_regclass('schema_migrations') is null")).toBe("t");
});

test("a foreign table of its own name is said so", async () => {
  sql("create table schema_migrations (version int)");
  await expect(migrate({ connectionString })).rejects.toThrow("the database is not empty and not of this server");
});

test("the time limit for statements that its role has does not end a wait for another server", async () => {
  const name = new URL(connectionString).pathname.slice(1);
  sql(`alter database ${name} set statement_timeout = '300ms'`);
  const other = new pg.Client({ connectionString });
  await other.connect();
  await other.query("set statement_timeout = 0");
  await other.query("select pg_advisory_lock(7283641)");
  const migrated = migrate({ connectionString });
  const waits = `select now() - query_start > interval '600 ms' as long from pg_stat_activity
     where datname = '${name}' and wait_event = 'advisory'`;
  await expect.poll(async () => (await other.query(waits)).rows, { timeout: 20_000 }).toEqual([{ long: true }]);
  await other.end();
  await migrated;
});

test("a server connection that a pooler gives to others is left as it was, whether they run or fail", async () => {
  const left: unknown[] = [];
  const prototype = pg.Client.prototype as { end(): Promise<void> };
  const { end } = prototype;
  vi.spyOn(prototype, "end").mockImplementation(async function (this: pg.Client) {
    const { rows } = await this.query(
      `select current_setting('lock_timeout') as lock_timeout, current_setting('timezone') as timezone,
         (select count(*)::int from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as locks`,
    );
    left.push(rows[0]);
    await end.call(this);
  });
  sql(`alter database ${new URL(connectionString).pathname.slice(1)} set timezone = 'Asia/Tokyo'`);
  await migrate({ connectionString });
  sql("insert into schema_migrations (name, checksum) values ('later', '')");
  await expect(migrate({ connectionString })).rejects.toThrow("has had later");
  const asBefore = { lock_timeout: "0", timezone: "Asia/Tokyo", locks: 0 };
  expect(left).toEqual([asBefore, asBefore]);
});

test("a pooler that gives each transaction another connection is refused in words and changes nothing", async () => {
  await using pooler = await startTransactionPooler(connectionString);
  await expect(migrate({ connectionString: pooler.url })).rejects.toThrow("transaction pooling");
  expect(sql("select to_regclass('schema_migrations') is null")).toBe("t");
});
