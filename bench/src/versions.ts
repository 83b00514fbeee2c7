import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { program } from "@om/services";
import type { Options } from "./options.ts";
import type { Report } from "./report/report.ts";

/** Runs this benchmark under each version of Node, one after the other: servers, ceilings and clients. @throws Error when one fails */
export async function runUnderVersions({ nodes, scenarios, size }: Options): Promise<Report[]> {
  const folder = mkdtempSync(join(tmpdir(), "om-bench-"));
  const file = join(folder, "report.json");
  const names = scenarios.map(({ name }) => name).join();
  const sizes = ["--runs", `${size.runs}`, "--seconds", `${size.seconds}`, ...(size.quick ? ["--quick"] : [])];
  const reports: Report[] = [];
  try {
    for (const node of nodes) {
      const args = [...program("bench/src/main.ts"), "--only", names, ...sizes, "--json", file];
      const child = spawn(node, args, { stdio: ["ignore", "ignore", "inherit"] });
      const [code] = (await once(child, "close")) as [number | null];
      if (code !== 0) throw new Error(`${node}: the benchmark ended with ${code}`);
      reports.push(JSON.parse(readFileSync(file, "utf8")) as Report);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return reports;
}
