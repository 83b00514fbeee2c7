import { startPostgres } from "@om/services";
import { expect, test } from "vitest";
import { migrate } from "@om/server/platform/postgres/migrate";
import { allStatements } from "@om/server/platform/postgres/statement";
import { openConnection } from "./import-connection.ts";
import { stateStore } from "./state-store.ts";
import "./target-message-store.ts";

/** The plan that a statement gets on tables that have just been made, as lines. */
async function planOf(name: string, values: unknown[], settings: "planByIndex" | "planByRange"): Promise<string[]> {
  await using postgres = await startPostgres();
  const connection = { connectionString: postgres.createDatabase() };
  await migrate(connection);
  await using link = await openConnection("target", connection);
  const state = stateStore(link);
  await state.claim("some source");
  await state[settings]();
  const text = allStatements().find((statement) => statement.name === name)?.text ?? "";
  const rows = await link.query<{ "QUERY PLAN": string }>(
    { name: "plan", text: `explain (costs off) ${text}` },
    values,
  );
  return rows.map((row) => row["QUERY PLAN"].trim());
}

test("a page of messages looks up its rows one by one and reads no table from end to end", async () => {
  const page = [[1], ["2026-01-01"], [1], [2], [null], ["c"], ["text"], ["x"], true];
  const plan = await planOf("import.add_messages", page, "planByIndex");
  const scans = plan.filter((line) => / Scan /.test(line) && !/CTE Scan|Function Scan|Subquery Scan/.test(line));
  expect(scans.length).toBeGreaterThan(4);
  for (const line of scans) expect(line).toMatch(/Index (Only )?Scan/);
  expect(plan.filter((line) => /Hash|Merge|Materialize/.test(line) && /Join|Materialize/.test(line))).toEqual([]);
});

test("the members of a group meet its messages by conversation and sender at once", async () => {
  const plan = await planOf("import.place", [0, 1_000], "planByRange");
  expect(plan).toContainEqual(
    expect.stringMatching(/Hash Cond: .*conversation_id = .* AND .*(sender_id = \S+user_id|user_id = \S+sender_id)/),
  );
  expect(plan.filter((line) => /Merge Join|Seq Scan/.test(line))).toEqual([]);
});
