import { expect, test } from "vitest";
import { checkRun } from "./check-run.ts";
import { scripts, type Scripts } from "./entry.ts";
import { explore } from "./explore.ts";
import { postCreates } from "./mutants.ts";
import { oneKeyMutants, oneKeyRuns } from "./one-key-runs.ts";
import { oneKey } from "./one-key-state.ts";
import { oneKeyModel } from "./one-key.ts";

for (const run of oneKeyRuns) test(`holds: ${run.name} (${run.about})`, () => checkRun(run));
for (const run of oneKeyMutants) test(`finds: ${run.name} (${run.about})`, () => checkRun(run));

test("what a script may do to an entry is watched at every step, harm or not", () => {
  const firstBroken = (broken: Scripts): string | undefined =>
    explore(oneKeyModel({ ...oneKey, scripts: broken })).violation?.what;
  const lowersPend: Scripts = {
    ...scripts,
    mark(slot, epoch, n) {
      const marked = scripts.mark(slot, epoch, n);
      return marked && { ...marked, pend: n };
    },
  };
  const givesToken: Scripts = {
    ...scripts,
    mark(slot, epoch, n) {
      const marked = scripts.mark(slot, epoch, n);
      return marked && { ...marked, token: 9 };
    },
  };
  const dropsBody: Scripts = { ...scripts, release: (slot) => slot && { ...slot, body: undefined, token: 0 } };
  expect(firstBroken(lowersPend)).toMatch(/^I2/);
  expect(firstBroken(givesToken)).toMatch(/^I3/);
  expect(firstBroken(postCreates)).toMatch(/^I4/);
  expect(firstBroken(dropsBody)).toMatch(/^I5/);
});
