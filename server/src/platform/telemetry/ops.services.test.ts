import { execFileSync } from "node:child_process";
import { ensureBinaries } from "@om/services";
import { expect, test } from "vitest";
import { dashboardQueries, operatorsPath } from "../../testing/ops-files.ts";

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
  const printed = promtool(["check", "rules"], JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
  expect(printed).toContain(`SUCCESS: ${rules.length} rules found`);
});
