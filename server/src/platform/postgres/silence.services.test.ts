import { sharedDatabase, startFaultProxy, type FaultProxy } from "@om/services";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isForgotten, openDatabase, type Database } from "./database.ts";
import type { Statement } from "./statement.ts";

const one: Statement<{ n: number }> = { name: "", text: "select 1 as n" };
const slow: Statement<{ n: number }> = { name: "", text: "select 1 as n from pg_sleep(3)" };
let proxy: FaultProxy;
let db: Database;
beforeEach(async () => {
  const url = new URL(sharedDatabase());
  proxy = await startFaultProxy(Number(url.port));
  url.port = String(proxy.port);
  db = openDatabase({ connection: { connectionString: url.href }, poolSize: 4, onOutage: () => undefined });
  await Promise.all(Array.from({ length: 4 }, () => db.query(one, [])));
});
afterEach(async () => {
  await db[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
});

test("C6 connections that were forgotten on the way are noticed long before the deadline of a statement, all at once", async () => {
  proxy.mode("blackhole");
  const sent: Promise<unknown>[] = [];
  for (let i = 0; i < 4; i++) {
    const before = proxy.counts().swallowed;
    sent.push(db.query(one, []).catch((error: unknown) => error));
    // It goes on swallowing what this connection says, whatever new ones may do.
    await expect.poll(() => proxy.counts().swallowed, { interval: 5 }).toBeGreaterThan(before);
  }
  proxy.mode("pass");
  for (const error of await Promise.all(sent)) expect(isForgotten(error)).toBe(true);
  const answers = await Promise.all(Array.from({ length: 4 }, () => db.query(one, [])));
  expect(answers.flat()).toHaveLength(4);
});

test("C6 what lay idle as long as a connection that was forgotten is not used again", async () => {
  proxy.mode("blackhole");
  const sent = db.query(one, []).catch((error: unknown) => error);
  await expect.poll(() => proxy.counts().swallowed, { interval: 5 }).toBeGreaterThan(0);
  proxy.mode("pass");
  const before = proxy.counts().accepted;
  expect(isForgotten(await sent)).toBe(true);
  await Promise.all(Array.from({ length: 4 }, () => db.query(one, [])));
  // One that asked, and four new ones.
  expect(proxy.counts().accepted).toBe(before + 5);
});

test("C6 a statement that is only slow is waited for", async () => {
  expect(await Promise.all([db.query(slow, []), db.transaction((queries) => queries.query(slow, []))])).toEqual([
    [{ n: 1 }],
    [{ n: 1 }],
  ]);
});
