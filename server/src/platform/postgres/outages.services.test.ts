import { startPostgres, type PostgresServer } from "@om/services";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { deferred } from "../deferred.ts";
import { DatabaseUnavailable, openDatabase, violatedConstraint, type Database } from "./database.ts";
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

const raise = (code: string): Statement<never> => ({
  name: "",
  text: `do $$ begin raise exception 'on purpose' using errcode = '${code}', constraint = 'some_key'; end $$`,
});

test.each(["40001", "40P01", "55P03", "25006", "25P03", "57014", "08006", "53300"])(
  "SQLSTATE %s is an outage, alone and in a transaction",
  async (code) => {
    await expect(db.query(raise(code), [])).rejects.toThrow(DatabaseUnavailable);
    await expect(db.transaction((queries) => queries.query(raise(code), []))).rejects.toThrow(DatabaseUnavailable);
  },
);

test.each(["23505", "23503", "22P02", "42501"])("SQLSTATE %s is the statement's own fault", async (code) => {
  const failures = [
    await db.query(raise(code), []).catch((error: unknown) => error),
    await db.transaction((queries) => queries.query(raise(code), [])).catch((error: unknown) => error),
  ];
  for (const failure of failures) {
    expect(failure).not.toBeInstanceOf(DatabaseUnavailable);
    expect(violatedConstraint(failure)).toBe(code === "23505" ? "some_key" : undefined);
  }
});

test("two transactions in each other's way: the one that PostgreSQL ends may try again, the other goes on", async () => {
  const lock = (key: number): Statement<never> => ({ name: "", text: `select pg_advisory_xact_lock(${key})` });
  const both = deferred();
  let holding = 0;
  const cross = (first: number, second: number): Promise<string> =>
    db.transaction(async (queries) => {
      await queries.query(lock(first), []);
      holding += 1;
      if (holding === 2) both.resolve();
      await both.promise;
      await queries.query(lock(second), []);
      return "done";
    });
  const [a, b] = await Promise.allSettled([cross(1, 2), cross(2, 1)]);
  expect([a.status, b.status].toSorted()).toEqual(["fulfilled", "rejected"]);
  for (const one of [a, b]) if (one.status === "rejected") expect(one.reason).toBeInstanceOf(DatabaseUnavailable);
});
