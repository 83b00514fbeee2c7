import { test } from "vitest";
import { checkRun } from "./check-run.ts";
import { twoKeysMutants, twoKeysRuns } from "./two-keys-runs.ts";

for (const run of twoKeysRuns) test(`holds: ${run.name} (${run.about})`, () => checkRun(run));
for (const run of twoKeysMutants) test(`finds: ${run.name} (${run.about})`, () => checkRun(run));
