import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { readOptions, usage, type Options } from "./options.ts";
import { compare } from "./report/compare.ts";
import { table } from "./report/page.ts";
import { machine, type Report } from "./report/report.ts";
import { writeDocs } from "./report/write-docs.ts";
import { runScenarios } from "./runner.ts";
import { scenarios } from "./scenarios/index.ts";
import { pinOthers } from "./stage/pin.ts";
import { runUnderVersions } from "./versions.ts";

process.exitCode = await main(process.argv.slice(2));

/** @returns the exit code */
async function main(args: readonly string[]): Promise<number> {
  let options: Options | "help";
  let before: Report | undefined;
  try {
    options = readOptions(args, scenarios);
    // Files that cannot be read or written are told before anything is measured.
    if (options !== "help" && options.compare !== undefined)
      before = JSON.parse(readFileSync(options.compare, "utf8")) as Report;
    if (options !== "help" && options.json !== undefined) closeSync(openSync(options.json, "a"));
  } catch (error) {
    console.error((error as Error).message);
    return 2;
  }
  if (options === "help") {
    console.log(usage);
    for (const { name, bars, needs } of scenarios) console.log(`  ${name.padEnd(18)} ${bars[0]?.what}; needs ${needs}`);
    return 0;
  }
  const reports = options.nodes.length > 0 ? await runUnderVersions(options) : [await measure(options)];
  for (const report of reports) console.log(`\n${report.machine}\n${report.size}\n\n${table(report.scenarios)}`);
  const [report] = reports;
  if (report !== undefined && before !== undefined)
    console.log(`\n${compare(before.scenarios, report.scenarios).join("\n")}`);
  if (options.json !== undefined)
    writeFileSync(options.json, JSON.stringify(reports.length === 1 ? report : reports, null, 1));
  if (options.write) writeDocs(options.nodes.length > 0 ? { versions: reports } : { runs: reports });
  const failed = reports.flatMap((report) => report.scenarios.filter(({ failure }) => failure !== undefined));
  for (const { name, failure } of failed) console.error(`FAILED: ${name}: ${failure}`);
  return failed.length === 0 ? 0 : 1;
}

async function measure({ scenarios, size }: Options): Promise<Report> {
  pinOthers();
  const at = new Date().toISOString();
  const load = `load average ${loadavg()[0]?.toFixed(1)} before it began`;
  const here = await machine();
  const results = await runScenarios(scenarios, size, (text) => console.error(text));
  const runs = `${size.runs} runs of ${size.seconds} s${size.quick ? ", --quick: smaller crowds" : ""}; ${load}`;
  return { at, machine: here, node: process.version, size: runs, scenarios: results };
}
