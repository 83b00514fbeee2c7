import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { program } from "@om/services";
import { expect, test } from "vitest";
import type { Report } from "./report/report.ts";

test("people, conversations and groups that are made by SQL are what a server answers, beside a ceiling of the same bytes", async () => {
  const folder = mkdtempSync(join(tmpdir(), "om-bench-"));
  const file = join(folder, "report.json");
  const args = ["--quick", "--runs", "1", "--seconds", "0.2", "--only", "list-busy", "--json", file];
  try {
    const bench = spawn(process.execPath, [...program("bench/src/main.ts"), ...args], { stdio: "ignore" });
    expect(await once(bench, "exit")).toEqual([0, null]);
    const { scenarios } = JSON.parse(readFileSync(file, "utf8")) as Report;
    expect(scenarios).toMatchObject([{ name: "list-busy", bars: [{ figures: [expect.any(Number)] }] }]);
    expect(scenarios[0]?.bars[0]?.value).toBeGreaterThan(0);
    expect(scenarios[0]?.bars[0]?.value).toBeLessThan(1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
