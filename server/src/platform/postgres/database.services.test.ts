import { startPostgres } from "@om/services";
import { expect, test } from "vitest";
import { describeDatabases } from "../../../tests/fixtures/databases.ts";
import { OmError } from "../om-error.ts";
import { openDatabase } from "./database.ts";

describeDatabases("a transaction", (database) => {
  test("rolls back when its work refuses, passes the refusal on as it is and keeps the connection", async () => {
    const refusal = new OmError("internal_error");
    const before = database.db.pool().total;
    const refused = database.db.transaction(async (queries) => {
      await queries.query({ name: "", text: "create table never_kept (id int)" }, []);
      throw refusal;
    });
    await expect(refused).rejects.toBe(refusal);
    expect(await database.rows("select to_regclass('never_kept') as found")).toEqual([{ found: null }]);
    expect(database.db.pool().total).toBe(Math.max(1, before));
  });
});

test("a transaction reads what was committed before each statement, whatever the database's default is", async () => {
  await using postgres = await startPostgres();
  const url = postgres.createDatabase();
  postgres.sql(
    url,
    "alter database " + new URL(url).pathname.slice(1) + " set default_transaction_isolation = 'serializable'",
  );
  await using db = openDatabase({ connection: { connectionString: url }, poolSize: 1, onOutage: () => undefined });
  const shown = { name: "", text: "select current_setting('transaction_isolation') as level" };
  expect(await db.transaction((queries) => queries.query(shown, []))).toEqual([{ level: "read committed" }]);
});
