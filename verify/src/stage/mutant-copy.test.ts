import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { mutants } from "../mutants.ts";
import { copyMutated, mutatedFiles } from "./mutant-copy.ts";

test.each(Object.entries(mutants))("the mutant %s still applies", (name, { mutations }) => {
  expect(mutatedFiles(name, mutations).size).toBeGreaterThan(0);
});

test("a mutation that does not apply exactly once is an error", () => {
  const file = "server/src/main.ts";
  expect(() => mutatedFiles("it", [{ file, find: "no such words", replace: "" }])).toThrow(
    "has 0 times what it replaces",
  );
  expect(() => mutatedFiles("it", [{ file, find: "import", replace: "" }])).toThrow("the mutant it does not apply");
});

test("a copy runs as it was changed, and is gone when disposed", () => {
  const file = "server/src/config.ts";
  let folder = "";
  {
    using copy = copyMutated("it", [{ file, find: "OM Messenger server.", replace: "A mutant." }]);
    folder = copy.folder;
    const args = ["run.js", "server/src/main.ts", "--help"];
    expect(execFileSync(process.execPath, args, { cwd: folder, encoding: "utf8", stdio: "pipe" })).toContain(
      "A mutant. Settings are",
    );
  }
  expect(existsSync(folder)).toBe(false);
});
