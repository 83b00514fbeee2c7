import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { scenarios } from "../scenarios/index.ts";
import { page, type Results } from "./page.ts";
import type { Report } from "./report.ts";

const docs = fileURLToPath(new URL("../../../docs", import.meta.url));
const kept = join(docs, "benchmarks/results.json");

/** Writes the page anew, with what was just measured in place of older results of the same scenarios. */
export function writeDocs(measured: Partial<Results>): void {
  const old: Results = existsSync(kept)
    ? (JSON.parse(readFileSync(kept, "utf8")) as Results)
    : { runs: [], versions: [] };
  const { runs = [], versions = old.versions } = measured;
  const results = { runs: [...without(old.runs, runs), ...runs], versions };
  mkdirSync(join(docs, "benchmarks"), { recursive: true });
  writeFileSync(kept, `${JSON.stringify(results, null, 1)}\n`);
  for (const [file, text] of Object.entries(page(results, scenarios))) writeFileSync(join(docs, file), text);
}

function without(old: readonly Report[], replaced: readonly Report[]): Report[] {
  const names = new Set(replaced.flatMap((report) => report.scenarios.map(({ name }) => name)));
  return old
    .map((report) => ({ ...report, scenarios: report.scenarios.filter(({ name }) => !names.has(name)) }))
    .filter((report) => report.scenarios.length > 0);
}
