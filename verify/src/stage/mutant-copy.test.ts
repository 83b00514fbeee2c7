import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { mutants } from "../mutants.ts";
import { copyMutated } from "./mutant-copy.ts";

test.each(Object.entries(mutants))("the mutant %s still applies", (name, { mutations }) => {
  using copy = copyMutated(name, mutations);
  expect(existsSync(copy.folder)).toBe(true);
});

test("a mutation that does not apply exactly once is an error, and a copy is gone when disposed", () => {
  const file = "server/src/main.ts";
  expect(() => copyMutated("it", [{ file, find: "no such words", replace: "" }])).toThrow(
    "has 0 times what it replaces",
  );
  expect(() => copyMutated("it", [{ file, find: "import", replace: "" }])).toThrow("the mutant it does not apply");
  const replace = "const stopDeadline = 1;";
  let folder = "";
  {
    using copy = copyMutated("it", [{ file, find: "const stopDeadline = 9_000;", replace }]);
    folder = copy.folder;
    expect(readFileSync(join(folder, file), "utf8")).toContain(replace);
  }
  expect(existsSync(folder)).toBe(false);
});
