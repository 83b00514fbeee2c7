import { startPostgres, type PostgresServer } from "@om/services";
import pg from "pg";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { migrate } from "@om/server/platform/postgres/migrate";
import { addOddRows } from "./fixtures/first-server-odd-rows.ts";
import { generateRows } from "./fixtures/first-server-rows.ts";
import { createFirstServer, onDatabase } from "./fixtures/first-server.ts";
import { dumpImport } from "./fixtures/import-dump.ts";
import { startImport } from "./fixtures/import-process.ts";
import { importTarget, type ImportTestTarget } from "./fixtures/import-target.ts";

let sources: PostgresServer;
let targets: PostgresServer;
let from: string;
let expected: Record<string, unknown[]>;
const pages = ["--page", "300"];

beforeAll(async () => {
  [sources, targets] = await Promise.all([startPostgres(), startPostgres()]);
  const rows = generateRows({ users: 80, messages: 3_000, seed: 11 });
  addOddRows(rows, { oddVersion: true });
  from = await createFirstServer(sources, "orm", rows);
  await using target = importTarget("PostgreSQL", targets);
  const { code } = await startImport(["--from", from], target.env).ended;
  expect(code).toBe(0);
  expected = await dumpImport(target);
});
afterAll(async () => {
  await sources[Symbol.asyncDispose]();
  await targets[Symbol.asyncDispose]();
});

/** Stops an import in the middle of a transaction: at the insert of a row for which `when` holds, while `work` runs. */
async function heldAt(
  target: ImportTestTarget,
  table: "messages" | "participants",
  { when, work }: { when: string; work: (release: () => Promise<unknown>) => Promise<void> },
): Promise<void> {
  const url = target.env["DATABASE_URL"] ?? "";
  await migrate({ connectionString: url });
  await onDatabase(url, async (client) => {
    await client.query("select pg_advisory_lock(4242)");
    await client.query(holdOn(table, when));
    await work(() => client.query("select pg_advisory_unlock(4242)"));
    await client.query("select pg_advisory_unlock_all()");
    await client.query(`drop trigger hold on ${table}; drop function hold`);
  });
}

/** SQL: rows for which `when` holds wait for advisory lock 4242. */
function holdOn(table: string, when: string): string {
  return `
    create function hold() returns trigger language plpgsql as $$
      begin perform pg_advisory_xact_lock(4242); return new; end $$;
    create trigger hold before insert on ${table} for each row when (${when}) execute function hold()`;
}

async function isHeld(target: ImportTestTarget): Promise<void> {
  await onDatabase(target.env["DATABASE_URL"] ?? "", (client: pg.Client) =>
    vi.waitFor(
      async () => {
        const waiting = await client.query(
          "select from pg_locks where locktype = 'advisory' and objid = 4242 and not granted",
        );
        expect(waiting.rowCount).toBe(1);
      },
      { timeout: 30_000, interval: 20 },
    ),
  );
}

test("kill -9 between pages and between positions: the next run goes on, and the result is the same", async () => {
  await using target = importTarget("PostgreSQL", targets);
  for (const [table, when] of [
    ["messages", "new.id > 2000"],
    ["messages", "new.id > 4500"],
    ["participants", "new.sent > 3"],
  ] as const) {
    await heldAt(target, table, {
      when,
      async work() {
        const running = startImport(["--from", from, ...pages], target.env);
        await Promise.race([isHeld(target), running.ended]);
        await running.kill();
      },
    });
    const [part] = await target.rows<{ n: number }>("select count(*) as n from messages");
    if (table === "messages") expect(part?.n).toBeLessThan(expected["messages"]?.length ?? 0);
    expect(part?.n).toBeGreaterThan(0);
  }
  const { code, stdout } = await startImport(["--from", from, ...pages], target.env).ended;
  expect(stdout).toContain("Import complete");
  expect(code).toBe(0);
  expect(await dumpImport(target)).toEqual(expected);
});

test("kill -9 with the embedded database", { timeout: 180_000 }, async () => {
  await using target = importTarget("embedded", targets);
  for (const share of [/^messages: [23]\d %/, /^messages: [67]\d %/]) {
    const running = startImport(["--from", from, "--page", "100"], target.env);
    await running.line(share);
    await running.kill();
  }
  const { code } = await startImport(["--from", from], target.env).ended;
  expect(code).toBe(0);
  expect(await dumpImport(target)).toEqual(expected);
});

test("a source that dies half-way: one clear line, exit 1, and the next run goes on", async () => {
  await using target = importTarget("PostgreSQL", targets);
  await heldAt(target, "messages", {
    when: "new.id > 3000",
    async work(release) {
      const running = startImport(["--from", from, ...pages], target.env);
      await Promise.race([isHeld(target), running.ended]);
      await sources.kill();
      await release();
      const { code, stderr } = await running.ended;
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /^Import stopped: the source database cannot be reached or went away: .+ Run it again to go on\.\n$/,
      );
    },
  });
  const early = await startImport(["--from", from], target.env).ended;
  expect(early.code).toBe(1);
  expect(early.stderr).toMatch(/^Import stopped: the source database cannot be reached .+\n$/);
  await sources.start();
  const { code } = await startImport(["--from", from], target.env).ended;
  expect(code).toBe(0);
  expect(await dumpImport(target)).toEqual(expected);
});

test("a target that dies half-way takes back pages and progress together", async () => {
  await using target = importTarget("PostgreSQL", targets);
  const url = target.env["DATABASE_URL"] ?? "";
  await migrate({ connectionString: url });
  const holder = new pg.Client({ connectionString: url });
  holder.on("error", () => undefined);
  await holder.connect();
  await holder.query("select pg_advisory_lock(4242)");
  await holder.query(holdOn("messages", "new.id > 3000"));
  const running = startImport(["--from", from, ...pages], target.env);
  await Promise.race([isHeld(target), running.ended]);
  await targets.kill();
  const { code, stderr } = await running.ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(/^Import stopped: the target database cannot be reached or went away: .+\n$/);
  await targets.start();
  await onDatabase(url, (client) => client.query("drop trigger hold on messages; drop function hold"));
  expect((await startImport(["--from", from], target.env).ended).code).toBe(0);
  expect(await dumpImport(target)).toEqual(expected);
});
