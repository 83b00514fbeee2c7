import { expect, test } from "vitest";
import type { BarResult, Scenario } from "../scenario.ts";
import { page } from "./page.ts";
import type { Report } from "./report.ts";

const bar = { what: "<pages>, requests/s", figure: "rate", unit: "requests/s", of: "bare", atLeast: 0.5 };
const scenario: Scenario = {
  name: "pages",
  needs: "a server",
  how: "As it is.",
  bars: [bar],
  charts: [{ title: "Rates", unit: "requests/s", axis: "load", show: { ours: "rate", bare: "ceiling.rate" } }],
  open: () => Promise.reject(new Error("not opened here")),
};
function report(node: string, rate: number): Report {
  const measured: BarResult = {
    ...bar,
    figures: [rate],
    ceilings: [400],
    values: [rate / 400],
    value: rate / 400,
    met: false,
  };
  const medians = { "rate@1": 10, "rate@2": 20, "ceiling.rate@1": 40, "ceiling.rate@2": 40 };
  const scenarios = [{ name: "pages", at: "2026-11-28T10:00:00Z", seconds: 1, bars: [measured], medians }];
  return { at: "2026-11-28T10:00:00Z", machine: "a machine", node, size: "1 run", scenarios };
}

test("the page has the table, the charts, the versions, and says how it was measured", () => {
  const files = page({ runs: [report("v20", 100)], versions: [report("v20", 100), report("v24", 150)] }, [scenario]);
  const text = files["benchmarks.md"] ?? "";
  expect(text).toContain("Measured 2026-11-28 on a machine; 1 run:");
  expect(text).toContain(
    "| <pages>, requests/s | bare: 400 requests/s | 100 requests/s | **25 %** (25 % – 25 %) | ≥ 50 % | missed |",
  );
  expect(text).toContain("| <pages>, requests/s | 100 requests/s (25 %) | 150 requests/s (37.5 %) |");
  expect(text).toContain("We advise v24.");
  expect(text).toContain("- **pages** (<pages>, requests/s): As it is.");
  const charts = Object.keys(files).filter((file) => file.endsWith(".svg"));
  expect(charts).toEqual(["benchmarks/shares.svg", "benchmarks/pages.svg"]);
  for (const file of charts) expect(text).toContain(`](${file})`);
  expect(files["benchmarks/shares.svg"]).toContain("&lt;pages>, requests/s");
  // Ours is half as high at 1 as at 2, the ceiling is level.
  const paths = [
    ...(files["benchmarks/pages.svg"] ?? "").matchAll(/d="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)" fill="none"/g),
  ];
  const [ours, bare] = paths.map(([, , first, , second]) => [Number(first), Number(second)]);
  expect(ours?.[0]).toBeGreaterThan(ours?.[1] ?? Infinity);
  expect(bare?.[0]).toBe(bare?.[1]);
});

test("a scenario that failed has a row that says so, and nothing else", () => {
  const failed = {
    ...report("v20", 1),
    scenarios: [{ name: "pages", at: "", seconds: 1, bars: [], medians: {}, failure: "wrong\nat" }],
  };
  const files = page({ runs: [failed], versions: [] }, [scenario]);
  expect(files["benchmarks.md"]).toContain("| pages | | failed: wrong | | | |");
  expect(Object.keys(files)).toEqual(["benchmarks.md"]);
});
