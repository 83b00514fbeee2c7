import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureBinaries } from "@om/services";
import { expect, test } from "vitest";
import { everyMetric } from "../../../tests/fixtures/every-metric.ts";
import { dashboardQueries, operatorsPath } from "../../../tests/fixtures/ops-files.ts";

/** What promtool prints; it throws with what is wrong. */
function promtool(args: string[], input = ""): string {
  return execFileSync(ensureBinaries("promtool").server, args, { input, encoding: "utf8", timeout: 60_000 });
}

test("Prometheus can read the alerts and the example of its settings", () => {
  expect(promtool(["check", "rules", operatorsPath("ops/alerts.yml")])).toMatch(/SUCCESS: \d+ rules found/);
  expect(promtool(["check", "config", "--syntax-only", operatorsPath("ops/prometheus.yml")])).toContain("SUCCESS");
});

test("each alert fires when it should, and not before", () => {
  expect(promtool(["test", "rules", operatorsPath("ops/alerts.test.yml")])).toContain("SUCCESS");
});

test("every query of the dashboard is one that Prometheus understands", () => {
  const rules = dashboardQueries().map((expr, index) => ({ record: `query_${index}`, expr }));
  const folder = mkdtempSync(join(tmpdir(), "om-dashboard-"));
  const file = join(folder, "rules.json");
  try {
    writeFileSync(file, JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
    expect(promtool(["check", "rules", file])).toContain(`SUCCESS: ${rules.length} rules found`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("names and helps of the metrics are as Prometheus advises", async () => {
  const text = await everyMetric().registry.metrics();
  const ours = text.split("\n").filter((line) => /^(# (HELP|TYPE) )?om_/.test(line));
  expect(promtool(["check", "metrics"], `${ours.join("\n")}\n`)).toBe("");
});
