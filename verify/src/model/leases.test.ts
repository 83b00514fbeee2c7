import { test } from "vitest";
import { checkRun } from "./check-run.ts";
import { leasesMutants, leasesRuns } from "./leases-runs.ts";

for (const run of leasesRuns) test(`holds: ${run.name} (${run.about})`, () => checkRun(run));
for (const run of leasesMutants) test(`finds: ${run.name} (${run.about})`, () => checkRun(run));
