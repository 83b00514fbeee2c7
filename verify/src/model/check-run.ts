import { readFileSync } from "node:fs";
import { disappointment, tableLine, type Run } from "./run.ts";

const page = new URL("../../../docs/cache-model.md", import.meta.url);
const documented = new Set(readFileSync(page, "utf8").split("\n"));

/** @throws unless the run ends as expected and, when nothing is found in it, is documented with what it saw */
export function checkRun(run: Run): void {
  const result = run.explore();
  const wrong = disappointment(run, result);
  if (wrong !== undefined) throw new Error(wrong);
  const line = tableLine(run, result);
  const isMutant = run.finds !== undefined;
  if (isMutant || documented.has(line)) return;
  throw new Error(`docs/cache-model.md lacks this line (npm run model prints all):\n${line}`);
}
