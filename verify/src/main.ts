import { writeFileSync } from "node:fs";
import { runCache } from "./cache-run.ts";
import { judge } from "./judge.ts";
import { readEvidence } from "./kept-evidence.ts";
import { readOptions, usage, UsageError, type Options } from "./options.ts";
import { pauseReport, runPause } from "./pause-run.ts";
import { runResume } from "./resume/run.ts";
import { reportOf, resultOf, verdictOf } from "./report/report.ts";

// Whatever ends this process ends what it has started: that hangs on `exit`.
process.once("SIGINT", () => process.exit(2));
process.once("SIGTERM", () => process.exit(2));
process.once("uncaughtException", (error) => {
  console.error(error);
  process.exit(2);
});

/** Exit codes: 0 all promises held, 1 one was broken, 2 the harness could not do its work. */
process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof UsageError ? `${error.message}\n${usage}` : error);
  return 2;
});

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help")) {
    console.log(usage);
    return 0;
  }
  const options = readOptions(args);
  const { passed, report, result } = await run(options);
  console.log(report);
  if (options.json !== undefined) writeFileSync(options.json, JSON.stringify(result, null, 2));
  return passed ? 0 : 1;
}

async function run(options: Options): Promise<{ passed: boolean; report: string; result: unknown }> {
  const say = (line: string): void => console.error(line);
  if (options.what === "pause") {
    const stretches = await runPause(options, say);
    return { passed: stretches.every(({ errors }) => errors === 0), report: pauseReport(stretches), result: stretches };
  }
  if (options.what === "resume") return runResume(options, say);
  if (options.what === "judge") {
    const { checks } = judge(readEvidence(options.kept ?? ""));
    return {
      passed: checks.every(({ violationCount }) => violationCount === 0),
      report: verdictOf(checks),
      result: checks,
    };
  }
  const result = resultOf(await runCache(options, say), options);
  return { passed: result.passed, report: reportOf(result), result };
}
