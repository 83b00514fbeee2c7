import { test } from "vitest";
import { checkRun } from "./check-run.ts";
import { modesMutants, modesRuns } from "./modes-runs.ts";

for (const run of modesRuns) test(`holds: ${run.name} (${run.about})`, () => checkRun(run));
for (const run of modesMutants) test(`finds: ${run.name} (${run.about})`, () => checkRun(run));
