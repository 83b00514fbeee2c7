import { describe, expect, test } from "vitest";
import { dashboard, dashboardQueries, operatorsFile } from "../../../tests/fixtures/ops-files.ts";
import { everyMetric } from "../../../tests/fixtures/every-metric.ts";

const alerts = operatorsFile("ops/alerts.yml");
const running = operatorsFile("docs/running.md");
const alertNames = [...alerts.matchAll(/alert: (\w+)/g)].map(([, name = ""]) => name);

/** The metrics that a text names; of a histogram the parts count as the whole. */
const metricsIn = (text: string): string[] => [
  ...new Set(
    (text.match(/\b(om|process|nodejs)_[a-z0-9_]+/g) ?? []).map((name) => name.replace(/_(bucket|sum|count)$/, "")),
  ),
];

describe("every metric that is named exists", () => {
  const known = new Set(
    everyMetric()
      .registry.getMetricsAsArray()
      .map(({ name }) => name),
  );
  test.each([
    ["the dashboard", dashboardQueries().join("\n")],
    ["the alerts", alerts],
    ["the tests of the alerts", operatorsFile("ops/alerts.test.yml")],
    ["docs/running.md", running.replaceAll(/om_(access|refresh|csrf|bus)\b/g, "")],
  ])("in %s", (_where, text) => {
    const named = metricsIn(text);
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });
});

describe("the dashboard", () => {
  const { templating, panels, schemaVersion } = dashboard();
  const shown = panels.filter(({ type }) => type !== "row");

  test("can be imported: it chooses its data source by a variable, and is of Grafana 10", () => {
    expect(schemaVersion).toBeGreaterThanOrEqual(37);
    expect(templating.list.map(({ name, type }) => [name, type])).toEqual([
      ["datasource", "datasource"],
      ["job", "query"],
      ["instance", "query"],
    ]);
    const sources = shown.flatMap(({ datasource, targets = [] }) => [
      datasource,
      ...targets.map((one) => one.datasource),
    ]);
    expect(new Set(sources.map((source) => source?.uid))).toEqual(new Set(["${datasource}"]));
  });

  test("every panel has a number, a title and queries of its own, of the chosen nodes", () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(new Set(shown.map(({ title }) => title)).size).toBe(shown.length);
    for (const { title, targets = [] } of shown) {
      expect(targets.length, title).toBeGreaterThan(0);
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
      for (const { expr } of targets) expect(expr.match(/\{[^}]*\}/g)?.every(isOfTheNodes), expr).toBe(true);
    }
  });

  test("panels lie side by side, none on another", () => {
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)}/${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).toBe(24);
  });
});

const isOfTheNodes = (selector: string): boolean => selector.includes('job="$job", instance=~"$instance"');

test("every alert says what to do, and where docs/running.md tells more", () => {
  expect(alertNames.length).toBeGreaterThan(10);
  const count = (pattern: RegExp): number => alerts.match(pattern)?.length ?? 0;
  for (const part of [/^ +summary: ".+"$/gm, /^ +description: ".+"$/gm, /^ +runbook_url: docs\/running\.md#/gm]) {
    expect(count(part)).toBe(alertNames.length);
  }
  const headings = [...running.matchAll(/^#+ (.+)$/gm)].map(([, text = ""]) => anchor(text));
  for (const [, link = ""] of alerts.matchAll(/running\.md#([a-z0-9-]+)/g)) expect(headings).toContain(link);
  expect(alertNames.filter((name) => !running.includes(`\`${name}\``))).toEqual([]);
});

/** As GitHub makes them. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^a-z0-9 -]/g, "")
    .replaceAll(" ", "-");
}
