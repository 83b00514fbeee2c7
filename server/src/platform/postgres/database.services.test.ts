import { expect, test } from "vitest";
import { describeDatabases } from "../../testing/databases.ts";
import { OmError } from "../om-error.ts";

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
