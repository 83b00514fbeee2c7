import { median, nowMs } from "./measure.ts";
import { barLine } from "./report/format.ts";
import type { Bar, BarResult, Figures, Scenario, ScenarioResult } from "./scenario.ts";
import { openStage, type Size, type Stage } from "./stage/stage.ts";

/** Runs scenarios one after the other, each beside its ceiling. */
export async function runScenarios(
  scenarios: readonly Scenario[],
  size: Size,
  tell: (text: string) => void,
): Promise<ScenarioResult[]> {
  await using whole = openStage(size);
  const results: ScenarioResult[] = [];
  for (const scenario of scenarios) {
    tell(`${scenario.name} …`);
    await using stage = openStage(size, whole);
    const result = await runScenario(scenario, stage);
    results.push(result);
    tell(`${result.failure ?? result.bars.map(barLine).join("\n")}\n${result.seconds.toFixed(0)} s`);
  }
  return results;
}

/** Ceiling, scenario, ceiling, scenario, …; the first of both is to warm up and is not counted. */
export async function runScenario(scenario: Scenario, stage: Stage): Promise<ScenarioResult> {
  const started = nowMs();
  const result = { name: scenario.name, at: new Date().toISOString() };
  const [ceilings, figures]: [Figures[], Figures[]] = [[], []];
  try {
    const session = await scenario.open(stage);
    for (let i = scenario.runs === undefined ? -1 : 0; i < (scenario.runs ?? stage.size.runs); i++) {
      const both = { ceiling: (await session.ceiling?.()) ?? {}, figure: await session.run() };
      if (i < 0) continue;
      ceilings.push(both.ceiling);
      figures.push(both.figure);
    }
    const bars = scenario.bars.map((bar) => judge(bar, figures, ceilings));
    const medians = { ...mediansOf(figures), ...mediansOf(ceilings, "ceiling.") };
    return { ...result, seconds: (nowMs() - started) / 1000, bars, medians };
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error);
    return { ...result, seconds: (nowMs() - started) / 1000, bars: [], medians: {}, failure };
  }
}

function judge(bar: Bar, runs: readonly Figures[], beside: readonly Figures[]): BarResult {
  const figures = runs.map((run) => figureOf(run, bar));
  const ceilings = bar.of === undefined ? [] : beside.map((ceiling) => figureOf(ceiling, bar));
  const values = figures.map((figure, i) => figure / (ceilings[i] ?? 1));
  const value = median(values);
  const met = value >= (bar.atLeast ?? -Infinity) && value <= (bar.atMost ?? Infinity);
  return { ...bar, figures, ceilings, values, value, met };
}

function figureOf(run: Figures, { figure, what }: Bar): number {
  const value = run[figure];
  if (value === undefined) throw new Error(`${what}: there is no figure ${figure}`);
  return value;
}

function mediansOf(runs: readonly Figures[], prefix = ""): Figures {
  const names = Object.keys(runs[0] ?? {});
  return Object.fromEntries(names.map((name) => [prefix + name, median(runs.map((run) => run[name] ?? Number.NaN))]));
}
