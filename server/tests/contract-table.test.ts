import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { operatorsFile, operatorsPath } from "./fixtures/ops-files.ts";

const folders = ["server/src", "server/tests", "import/tests"].map(operatorsPath);
const page = operatorsFile("docs/protocol.md");

/** The text of every test file, by its path below its folder. */
const texts = new Map(
  folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".test.ts"))
      .map((file) => [file.replaceAll("\\", "/"), readFileSync(join(folder, file), "utf8")] as const),
  ),
);

/** Cells of the rows of one section's tables, without their headings. */
function rowsOf(heading: string): string[][] {
  const [, section = ""] = page.split(`\n## ${heading}\n`);
  const [body = ""] = section.split("\n## ");
  return body
    .split("\n")
    .filter((line) => line.startsWith("| ") && !/^\| (What|Fault|-+) +\|/.test(line))
    .map((line) => line.slice(2, -2).split("|").map(unmarked));
}

/** As it reads, without what Markdown needs. */
function unmarked(cell: string): string {
  return cell.trim().replaceAll(/\\([\\_*`|~<>[\]])/g, "$1");
}

/** Why a row names no test that there is; undefined when it does. A name is the first thing that a call or a row of a table is given. */
function faultOf([file = "", title = ""]: string[]): string | undefined {
  const path = /^`([^`]+)`$/.exec(file)?.[1];
  const text = texts.get(path ?? "");
  if (text === undefined) return `${file}: no such test file`;
  const name = JSON.stringify(title).replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(String.raw`[([]\s*${name}\s*,`).test(text)
    ? undefined
    : `${file}: no test ${JSON.stringify(title)}`;
}

const contract = rowsOf("Where the contract is tested");
const faults = rowsOf("Faults of the first server that cannot happen here");

test("every test that docs/protocol.md names is there", () => {
  const named = [...contract.map((row) => row.slice(1)), ...faults.map((row) => row.slice(2))];
  expect(named.filter(([file]) => file !== "–").flatMap((row) => faultOf(row) ?? [])).toEqual([]);
  expect(contract.length).toBeGreaterThan(90);
  expect([contract.every((row) => row.length === 3), faults.every((row) => row.length === 4)]).toEqual([true, true]);
});

test("every fault from D-1 to D-61 has a row, in order, with a test or a reason", () => {
  expect([...new Set(faults.map(([name]) => name))]).toEqual(Array.from({ length: 61 }, (_, i) => `D-${i + 1}`));
  expect(faults.every(([, what = "", file = "", why = ""]) => what !== "" && file !== "" && why !== "")).toBe(true);
});

test("every test that is named after a fault stands in its row", () => {
  const named = [...texts].flatMap(([file, text]) =>
    [...text.matchAll(/\(\s*"(D-\d+(?:, D-\d+)*: [^"]+)",/g)].flatMap(([, title = ""]) =>
      [...title.matchAll(/D-\d+(?=[,:])/g)].map(([fault]) => [fault, `\`${file}\``, title]),
    ),
  );
  const rows = new Set(faults.map(([fault, , file, title]) => JSON.stringify([fault, file, title])));
  expect(named.filter((row) => !rows.has(JSON.stringify(row)))).toEqual([]);
  expect(named.length).toBeGreaterThan(15);
});
