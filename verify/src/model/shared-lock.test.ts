import { test } from "vitest";
import { checkRun } from "./check-run.ts";
import { sharedLockMutants, sharedLockRuns } from "./shared-lock-runs.ts";

for (const run of sharedLockRuns) test(`holds: ${run.name} (${run.about})`, () => checkRun(run));
for (const run of sharedLockMutants) test(`finds: ${run.name} (${run.about})`, () => checkRun(run));
