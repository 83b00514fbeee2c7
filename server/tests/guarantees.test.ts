import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { expect, test } from "vitest";
import { operatorsFile, operatorsPath } from "./fixtures/ops-files.ts";

const files = ["postgres", "protocol", "server", "import", "client", "web", "sdk", "verify", "ops"].flatMap((folder) =>
  readdirSync(operatorsPath(folder), { recursive: true, encoding: "utf8" })
    .filter((file) => !/node_modules|\bdist\b/.test(file))
    .map((file) => `${folder}/${file}`),
);

test.each([
  ["docs/guarantees.md", 40],
  ["docs/faults.md", 2],
  ["docs/security.md", 60],
])("every test file that %s names exists", (page, atLeast) => {
  const named = operatorsFile(page).match(/[a-z0-9/.-]+\.test\.(ts|yml)/g) ?? [];
  const known = new Set([...files, ...files.map((file) => basename(file))]);
  expect(named.length).toBeGreaterThanOrEqual(atLeast);
  expect([...new Set(named)].filter((file) => !known.has(file))).toEqual([]);
});

test("every test that docs/faults.md names stands in its file", () => {
  const rows = [...operatorsFile("docs/faults.md").matchAll(/`([a-z0-9/.-]+\.test\.ts)`: ([^;|\n]+)/g)];
  expect(rows.length).toBeGreaterThan(1);
  const missing = rows.filter(([, file, name]) => {
    const path = files.find((known) => known === file || known.endsWith(`/${file}`));
    return path === undefined || !readFileSync(operatorsPath(path), "utf8").includes(name?.trim() ?? "");
  });
  expect(missing.map(([row]) => row)).toEqual([]);
});
