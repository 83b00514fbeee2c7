import { readdirSync } from "node:fs";
import { startPostgres, type PostgresServer } from "@om/services";
import pg from "pg";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { migrate } from "./migrate.ts";

const files = readdirSync(new URL("./migrations/", import.meta.url)).toSorted();
const versions = files.map((name) => String(Number(name.slice(0, 3))));

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server[Symbol.asyncDispose]());
afterEach(() => void vi.restoreAllMocks());

test("side by side they run once; a newer schema is refused", async () => {
  const connectionString = server.createDatabase();
  await Promise.all([migrate({ connectionString }), migrate({ connectionString }), migrate({ connectionString })]);
  const done = server.sql(
    connectionString,
    "select string_agg(version::text, ' ' order by version) from schema_migrations",
  );
  expect(done).toBe(versions.join(" "));
  server.sql(connectionString, "insert into schema_migrations (version) values (900)");
  await expect(migrate({ connectionString })).rejects.toThrow(
    `the database has schema version 900, this build knows ${versions.at(-1)}`,
  );
});

test("one that fails leaves nothing of itself", async () => {
  const connectionString = server.createDatabase();
  server.sql(connectionString, "create table sessions (in_the_way int)");
  await expect(migrate({ connectionString })).rejects.toThrow("sessions");
  expect(server.sql(connectionString, "select to_regclass('users') is null")).toBe("t");
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
  const connectionString = server.createDatabase();
  server.sql(
    connectionString,
    `alter database ${new URL(connectionString).pathname.slice(1)} set timezone = 'Asia/Tokyo'`,
  );
  await migrate({ connectionString });
  server.sql(connectionString, "insert into schema_migrations (version) values (900)");
  await expect(migrate({ connectionString })).rejects.toThrow("schema version 900");
  const asBefore = { lock_timeout: "0", timezone: "Asia/Tokyo", locks: 0 };
  expect(left).toEqual([asBefore, asBefore]);
});
