import { expect, test } from "vitest";
import { describeDatabases } from "../../../tests/fixtures/databases.ts";
import { createStatistics } from "./statistics.ts";

describeDatabases("statistics", (database) => {
  test("are refreshed at first, and again when the tables have grown", async () => {
    const statistics = createStatistics(database.db);
    const knownRows = async (): Promise<number | undefined> =>
      (await database.rows<{ n: number }>("select reltuples::bigint as n from pg_class where relname = 'users'"))[0]?.n;
    await database.addUsers(...Array.from({ length: 50 }, (_, i) => `first${i}`));
    await statistics.refresh();
    expect(await knownRows()).toBe(50);
    await database.addUsers(...Array.from({ length: 50 }, (_, i) => `second${i}`));
    await statistics.refresh();
    expect(await knownRows()).toBe(50);
    await database.rows("select setval('message_ids', 1000)");
    await statistics.refresh();
    expect(await knownRows()).toBe(100);
  });
});
