import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { program } from "@om/services";
import { describe, expect, test } from "vitest";
import type { Result } from "./report/report.ts";

/** Runs the program as people do; @returns its exit code, what it said and the result as JSON */
async function verify(...args: string[]): Promise<{ code: number; report: string; result: Result }> {
  const folder = mkdtempSync(join(tmpdir(), "om-verify-"));
  const json = join(folder, "result.json");
  const all = [...program("verify/src/main.ts"), "--cache", ...args, "--json", json];
  const child = spawn(process.execPath, all, { stdio: ["ignore", "pipe", "pipe"] });
  let report = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (report += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (report += chunk));
  const [code] = (await once(child, "close")) as [number];
  try {
    return { code, report, result: JSON.parse(readFileSync(json, "utf8")) as Result };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const small = ["--small", "--nodes", "2", "--seed", "7", "--gate", "0"];

// A machine that is busy takes its time to start six servers.
describe.concurrent("npm run verify -- --cache", { timeout: 240_000 }, () => {
  test("keeps every promise in a few seconds with faults", async () => {
    const { code, report, result } = await verify(...small, "--seconds", "6", "--only", "Redis ");
    expect(code, report).toBe(0);
    expect(result.checks.map(({ violationCount }) => violationCount)).toEqual(result.checks.map(() => 0));
    expect(
      result.checks.slice(0, 4).every(({ checked }) => checked > 50),
      report,
    ).toBe(true);
    expect(result.faults.length, report).toBeGreaterThan(0);
  });

  test("fails with a server that commits without a mark, and says which promise broke", async () => {
    // On a machine that is very busy Redis is hardly asked, and it takes longer until it shows.
    let { code, report } = await verify(...small, "--seconds", "6", "--mutant", "noMark");
    if (code === 0) ({ code, report } = await verify(...small, "--seconds", "45", "--mutant", "noMark"));
    expect(code, report).toBe(1);
    expect(report).toMatch(/FAILED: .*\(a\) strict/);
  });
});
