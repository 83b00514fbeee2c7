import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startEmbedded } from "./embedded.ts";
import { FolderInUse, lockFolder } from "./folder-lock.ts";

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
