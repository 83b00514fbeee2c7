import { test } from "vitest";
import { checkRun } from "./check-run.ts";
import { epochsMutants, epochsRuns } from "./epochs-runs.ts";

for (const run of epochsRuns) test(`holds: ${run.name} (${run.about})`, () => checkRun(run));
for (const run of epochsMutants) test(`finds: ${run.name} (${run.about})`, () => checkRun(run));
