import { expect, test } from "vitest";
// The composition root loads every store.
import "../../app.ts";
import { describeDatabases } from "../../../tests/fixtures/databases.ts";
import { allStatements } from "./statement.ts";

// Those of the import, which another test file may have loaded, are for the first server's tables.
const ours = allStatements().filter(({ name }) => !name.startsWith("import."));

describeDatabases("every statement", (database) => {
  test.each(ours.map(({ name, text }) => [name, text] as const))("%s prepares", async (name, text) => {
    await database.rows(`prepare "test ${name}" as ${text}`);
    await database.rows(`deallocate "test ${name}"`);
  });

  test("the reads of the hot path use indexes even on tables without statistics", async () => {
    const plans: Record<string, string[]> = {};
    for (const name of [
      "messages.history",
      "messages.since",
      "messages.pending",
      "conversations.changed",
      "conversations.list",
      "media.attachment_visible",
      "media.attachments_due",
    ]) {
      const text = allStatements().find((one) => one.name === name)?.text ?? "";
      const count = Math.max(...[...text.matchAll(/\$(\d+)/g)].map(([, n]) => Number(n)));
      await database.rows("set enable_seqscan = off");
      await database.rows("set plan_cache_mode = force_generic_plan");
      await database.rows(`prepare plan as ${text}`);
      const rows = await database.rows<{ "QUERY PLAN": string }>(
        `explain (costs off) execute plan(${Array.from({ length: count }, () => "null").join(", ")})`,
      );
      await database.rows("deallocate plan");
      await database.rows("reset enable_seqscan");
      await database.rows("reset plan_cache_mode");
      plans[name] = rows
        .map((row) => row["QUERY PLAN"].trim())
        .filter((line) => /Scan/.test(line) && !/Function|CTE|Subquery/.test(line));
    }
    for (const lines of Object.values(plans)) for (const line of lines) expect(line).not.toMatch(/Seq Scan/);
    expect(Object.values(plans).flat().join("\n")).toMatch(/messages_conversation_id_seq_key/);
  });
});
