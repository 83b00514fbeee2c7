import { readdirSync } from "node:fs";
import { basename } from "node:path";
import { expect, test } from "vitest";
import { operatorsFile, operatorsPath } from "./fixtures/ops-files.ts";

test("every test that docs/guarantees.md names exists", () => {
  const named = operatorsFile("docs/guarantees.md").match(/[a-z0-9/.-]+\.test\.(ts|yml)/g) ?? [];
  const files = ["postgres", "server", "import", "client", "verify", "ops"].flatMap((folder) =>
    readdirSync(operatorsPath(folder), { recursive: true, encoding: "utf8" })
      .filter((file) => !file.includes("node_modules"))
      .map((file) => `${folder}/${file}`),
  );
  const known = new Set([...files, ...files.map((file) => basename(file))]);
  expect(named.length).toBeGreaterThan(40);
  expect([...new Set(named)].filter((file) => !known.has(file))).toEqual([]);
});
