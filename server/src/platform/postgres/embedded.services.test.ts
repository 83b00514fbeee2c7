import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgres } from "@om/services";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startEmbedded } from "./embedded.ts";
import { FolderInUse, lockFolder } from "./folder-lock.ts";
import { migrate } from "./migrate.ts";

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "om-lock-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("folder lock", () => {
  test("a second holder is refused with one clear line; after a release the folder is free", () => {
    const lock = lockFolder(folder);
    expect(() => lockFolder(folder)).toThrow(FolderInUse);
    expect(() => lockFolder(folder)).toThrow(`${folder} is in use by another server (process ${process.pid})`);
    lock.release();
    expect(readdirSync(folder)).toEqual([]);
    lockFolder(folder).release();
  });

  test("what a killed process left is taken over, even when its pid lives again", () => {
    for (const left of ["999999999 1", `${process.pid} 1`, "garbage", ""]) {
      writeFileSync(join(folder, "server.lock"), left);
      lockFolder(folder).release();
      expect(readdirSync(folder)).toEqual([]);
    }
  });
});

test("the embedded database refuses a second start on its folder and leaves nothing behind", async () => {
  {
    await using first = await startEmbedded(folder);
    expect(first.connection.port).toBe(5432);
    await expect(startEmbedded(folder)).rejects.toThrow(FolderInUse);
  }
  expect(readdirSync(folder)).toEqual(["pgdata"]);
});

test("a folder that holds no database makes the start fail, and is free again", async () => {
  writeFileSync(join(folder, "pgdata"), "not a folder");
  let ended = 0;
  await expect(startEmbedded(folder, () => (ended += 1))).rejects.toThrow("the embedded database did not start");
  expect([readdirSync(folder), ended]).toEqual([["pgdata"], 0]);
});

test("migrations: side by side they run once; a newer schema is refused", async () => {
  await using server = await startPostgres();
  const connectionString = server.createDatabase();
  await Promise.all([migrate({ connectionString }), migrate({ connectionString }), migrate({ connectionString })]);
  const versions = server.sql(
    connectionString,
    "select string_agg(version::text, ' ' order by version) from schema_migrations",
  );
  expect(versions).toBe("1 2");
  server.sql(connectionString, "insert into schema_migrations (version) values (900)");
  await expect(migrate({ connectionString })).rejects.toThrow(
    "the database has schema version 900, this build knows 2",
  );
});

test("migrations: one that fails leaves nothing of itself", async () => {
  await using server = await startPostgres();
  const connectionString = server.createDatabase();
  server.sql(connectionString, "create table sessions (in_the_way int)");
  await expect(migrate({ connectionString })).rejects.toThrow("sessions");
  expect(server.sql(connectionString, "select to_regclass('users') is null")).toBe("t");
});
