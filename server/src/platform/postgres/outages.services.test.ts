import { startPostgres, type PostgresServer } from "@om/services";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { DatabaseUnavailable, openDatabase, type Database } from "./database.ts";
import type { Statement } from "./statement.ts";

let server: PostgresServer;
let db: Database;
const uncaught: unknown[] = [];
const note = (error: unknown): void => void uncaught.push(error);
const one: Statement<{ n: number }> = { name: "", text: "select 1 as n" };
const sleep: Statement<never> = { name: "", text: "select pg_sleep(30)" };

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => {
  db = openDatabase({
    connection: { connectionString: server.createDatabase() },
    poolSize: 2,
    onOutage: () => undefined,
  });
  uncaught.length = 0;
  process.on("uncaughtException", note);
});
afterEach(async () => {
  process.removeListener("uncaughtException", note);
  await db[Symbol.asyncDispose]();
});

test("PostgreSQL that dies between two statements of a transaction is an outage for its caller alone", async () => {
  const lost = db.transaction(async (queries) => {
    await queries.query(one, []);
    await server.kill();
    await queries.query(one, []);
  });
  await expect(lost).rejects.toThrow(DatabaseUnavailable);
  expect(uncaught).toEqual([]);
  expect(db.pool()).toMatchObject({ total: 0, waiting: 0 });
  await server.start();
  expect(await db.transaction((queries) => queries.query(one, []))).toEqual([{ n: 1 }]);
});

test("so is one that dies in the middle of a statement", async () => {
  const lost = db.transaction(async (queries) => {
    await queries.query(one, []);
    const [answer] = await Promise.allSettled([queries.query(sleep, []), server.kill()]);
    throw answer.status === "rejected" ? answer.reason : new Error("the statement ended");
  });
  await expect(lost).rejects.toThrow(DatabaseUnavailable);
  expect(uncaught).toEqual([]);
  await server.start();
  expect(await db.query(one, [])).toEqual([{ n: 1 }]);
});
