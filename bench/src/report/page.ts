import { median } from "../measure.ts";
import type { BarResult, Chart, Scenario, ScenarioResult } from "../scenario.ts";
import { barText, metText, round, valueText } from "./format.ts";
import type { Report } from "./report.ts";
import { barChart, lineChart } from "./svg.ts";

/** What the page is made of: the newest results of every scenario, and those under several versions of Node. */
export interface Results {
  runs: Report[];
  versions: Report[];
}

/** Rows of a Markdown table, one for each bar. */
export function table(scenarios: readonly ScenarioResult[]): string {
  const rows = scenarios.flatMap(({ name, bars, failure }) =>
    failure === undefined ? bars.map(row) : [`| ${name} | | failed: ${failure.split("\n")[0]} | | | |`],
  );
  return markdown(["What", "Ceiling", "Measured", "Ratio (lowest – highest run)", "Bar", ""], rows);
}

function row(bar: BarResult): string {
  const ceiling = bar.of === undefined ? "" : `${bar.of}: ${round(median(bar.ceilings))} ${bar.unit}`;
  const measured = `${round(median(bar.figures))} ${bar.unit}`;
  const spread = [Math.min(...bar.values), Math.max(...bar.values)].map((value) => valueText(bar, value)).join(" – ");
  const ratio = bar.of === undefined ? spread : `**${valueText(bar, bar.value)}** (${spread})`;
  return `| ${bar.what} | ${ceiling} | ${measured} | ${ratio} | ${barText(bar)} | ${metText(bar)} |`;
}

function markdown(head: readonly string[], rows: readonly string[]): string {
  return [`| ${head.join(" | ")} |`, `|${" --- |".repeat(head.length)}`, ...rows].join("\n");
}

/** The page and its charts. @returns text by file name, charts in the folder `benchmarks` */
export function page(results: Results, scenarios: readonly Scenario[]): Record<string, string> {
  const all = results.runs.flatMap((report) => report.scenarios);
  const charts = { ...summaries(all), ...chartsOf(all, scenarios) };
  const images = Object.keys(charts).map((file) => `![${file.replace(/\.svg$/, "")}](benchmarks/${file})`);
  const tables = results.runs.map(
    (report) =>
      `Measured ${report.at.slice(0, 10)} on ${report.machine}; ${report.size}:\n\n${table(report.scenarios)}`,
  );
  const how = scenarios.map(
    ({ name, bars, how }) => `- **${name}** (${bars.map(({ what }) => what).join("; ")}): ${how}`,
  );
  const parts = [
    intro,
    ...images,
    "## All figures",
    ...tables,
    ...versions(results.versions),
    "## What is measured",
    how.join("\n"),
  ];
  return {
    "benchmarks.md": `${parts.join("\n\n")}\n`,
    ...Object.fromEntries(Object.entries(charts).map(([file, svg]) => [`benchmarks/${file}`, svg])),
  };
}

const intro = `# Benchmarks

\`\`\`sh
npm run bench                         # everything, under half an hour; --quick: under five minutes; --help
npm run bench -- --compare FILE       # what moved beyond the noise since --json FILE was written
npm run bench -- --soak 30 --write    # half of the maximum for half an hour; --write makes this page
\`\`\`

Each figure stands beside its **ceiling**: what this machine gives a program that does nothing but what must be done, measured in turn with the
scenario (ceiling, scenario, ceiling, …; medians; a first run of both is not counted). The server has one processor to itself; PostgreSQL, Redis
and the clients share the others. Ratios carry over to other machines, the figures beside them do not.

From \`git clone\` to the first acknowledged message (\`bench/first-message.sh\`): 17 s, of which 9 s are \`npm ci\`.`;

/** What has a ratio: shares of a ceiling, where more is better, and multiples of one, where less is. The stroke is the bar. */
function summaries(all: readonly ScenarioResult[]): Record<string, string> {
  const bars = all.flatMap((scenario) => scenario.bars).filter(({ of }) => of !== undefined);
  const draw = (title: string, shown: readonly BarResult[], mark: "atLeast" | "atMost"): string =>
    barChart(
      title,
      shown.map((bar) => ({
        label: bar.what,
        value: bar.value,
        text: valueText(bar, bar.value),
        ...(bar[mark] === undefined ? {} : { mark: bar[mark], good: bar.met }),
      })),
    );
  const shares = bars.filter((bar) => bar.as !== "multiple");
  const multiples = bars.filter((bar) => bar.as === "multiple" && bar.atMost !== undefined);
  return {
    ...(shares.length === 0
      ? {}
      : { "shares.svg": draw("Share of the ceiling: more is better, the stroke is the bar", shares, "atLeast") }),
    ...(multiples.length === 0
      ? {}
      : { "multiples.svg": draw("Times the ceiling: less is better, the stroke is the bar", multiples, "atMost") }),
  };
}

function chartsOf(all: readonly ScenarioResult[], scenarios: readonly Scenario[]): Record<string, string> {
  return Object.fromEntries(
    all.flatMap(({ name, medians, failure }) => {
      const { charts = [] } = scenarios.find((scenario) => scenario.name === name) ?? {};
      return failure === undefined
        ? charts.map((chart, i) => [`${name}${i === 0 ? "" : `-${i + 1}`}.svg`, draw(chart, medians)])
        : [];
    }),
  );
}

function draw({ title, unit, axis, show }: Chart, medians: Readonly<Record<string, number>>): string {
  const shown = Object.entries(show);
  if (axis === undefined) {
    const columns = shown.map(([label, figure]) => ({ label, value: medians[figure] ?? Number.NaN }));
    return barChart(
      title,
      columns.map((column) => ({ ...column, text: `${round(column.value)} ${unit}` })),
    );
  }
  const lines = shown.map(([label, figure]) => ({
    label,
    points: Object.entries(medians)
      .filter(([name]) => name.startsWith(`${figure}@`))
      .map(([name, value]) => ({ at: name.slice(figure.length + 1), value })),
  }));
  return lineChart(title, { unit, axis }, lines);
}

/** One column for each version: the figure, and its ratio to the ceiling under the same version. */
function versions(reports: readonly Report[]): string[] {
  const [first] = reports;
  if (first === undefined) return [];
  const bars = first.scenarios.flatMap((scenario) => scenario.bars);
  const cell = (report: Report, { what }: BarResult): string => {
    const bar = report.scenarios.flatMap((scenario) => scenario.bars).find((one) => one.what === what);
    return bar === undefined ? "" : `${round(median(bar.figures))} ${bar.unit} (${valueText(bar, bar.value)})`;
  };
  const rows = bars.map((bar) => `| ${bar.what} | ${reports.map((report) => cell(report, bar)).join(" | ")} |`);
  const head = ["What", ...reports.map(({ node }) => `Node ${node}`)];
  return [
    `## Versions of Node\n\nMeasured ${first.at.slice(0, 10)} on ${first.machine}; ${first.size}:`,
    markdown(head, rows),
    advice(reports),
  ];
}

/** By the rates, each against the first version's. */
function advice(reports: readonly Report[]): string {
  const rates = ({ scenarios }: Report): number[] =>
    scenarios.flatMap(({ bars }) => bars.filter(({ figure }) => figure === "rate").map((bar) => median(bar.figures)));
  const base = reports[0] === undefined ? [] : rates(reports[0]);
  const speeds = reports.map((report) => ({
    node: report.node,
    speed: Math.exp(rates(report).reduce((sum, rate, i) => sum + Math.log(rate / (base[i] ?? rate)), 0) / base.length),
  }));
  const best = speeds.reduce((a, b) => (b.speed > a.speed ? b : a));
  const list = speeds.map(({ node, speed }) => `${node} ${round(speed * 100)} %`).join(", ");
  return `Rates on average, ${reports[0]?.node} being 100 %: ${list}. We advise ${best.node}.`;
}
