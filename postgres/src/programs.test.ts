import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { EmbeddedRefused, npmPrograms, runnable } from "./programs.ts";

const folder = mkdtempSync(join(tmpdir(), "om-programs-"));
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

function refusal(start: () => unknown): string {
  try {
    start();
  } catch (error) {
    if (error instanceof EmbeddedRefused) return error.message;
    throw error;
  }
  return "";
}

test("a platform without binaries is refused in one line that says what to do", () => {
  expect(refusal(() => npmPrograms(join(folder, "lib"), "sunos-sparc"))).toBe(
    "there is no embedded database for sunos-sparc (or npm ci left out optional packages); set DATABASE_URL to a PostgreSQL 15 or newer",
  );
});

test("so is musl, whose loader does not run them", () => {
  vi.spyOn(process.report, "getReport").mockReturnValue({ header: {} });
  expect(refusal(() => runnable(folder))).toBe(
    "there is no embedded database for systems with musl, such as Alpine; set DATABASE_URL to a PostgreSQL 15 or newer",
  );
});

test("and programs that do not run for another reason, with it", () => {
  vi.spyOn(process.report, "getReport").mockReturnValue({ header: { glibcVersionRuntime: "2.36" } });
  expect(refusal(() => runnable(folder))).toMatch(
    /^the embedded database cannot run on this system \(.*No such file or directory\); set DATABASE_URL to a PostgreSQL 15 or newer$/,
  );
});
