import { epochsDeep, epochsMutants, epochsRuns } from "./epochs-runs.ts";
import { modesMutants, modesRuns } from "./modes-runs.ts";
import { oneKeyDeep, oneKeyMutants, oneKeyRuns } from "./one-key-runs.ts";
import { disappointment, tableLine, type Run } from "./run.ts";
import { twoKeysDeep, twoKeysMutants, twoKeysRuns } from "./two-keys-runs.ts";

if (process.argv.includes("--help")) {
  console.log(`npm run model -- [--traces] [--deep]    explores all models and prints the table of docs/cache-model.md, with seconds of CPU
  --traces    the shortest way to what each mistake breaks
  --deep      the runs that take minutes, too`);
  process.exit();
}
const traces = process.argv.includes("--traces");
const runs: readonly Run[] = [
  ...oneKeyRuns,
  ...oneKeyMutants,
  ...twoKeysRuns,
  ...twoKeysMutants,
  ...epochsRuns,
  ...epochsMutants,
  ...modesRuns,
  ...modesMutants,
  ...(process.argv.includes("--deep") ? [...oneKeyDeep, ...twoKeysDeep, ...epochsDeep] : []),
];

console.log(`${"model".padEnd(11)} ${"run".padEnd(22)}    states      edges  outcome`);
let total = 0;
for (const run of runs) {
  const start = process.cpuUsage();
  const result = run.explore();
  total += process.cpuUsage(start).user / 1e6;
  console.log(tableLine(run, result));
  const wrong = disappointment(run, result);
  if (wrong !== undefined) {
    console.log(`    UNEXPECTED: ${wrong}`);
    process.exitCode = 1;
  } else if (traces) {
    for (const step of result.violation?.trace ?? []) console.log(`    ${step}`);
  }
}
console.log(`${runs.length} runs, ${total.toFixed(1)} s of CPU`);
