import type { Stage } from "./stage/stage.ts";

/** What one run measured, by name. A name such as `p50@25 %` is a point of the line `p50` of a chart. */
export type Figures = Record<string, number>;

/** What is demanded of a figure. With `of` it is the ratio to the same figure of the ceiling, else the figure itself. */
export interface Bar {
  what: string;
  figure: string;
  /** Of the figure, such as `requests/s`. */
  unit: string;
  /** What the ceiling is. */
  of?: string;
  /** The ratio is shown as a share, 50 %, or as a multiple, 2.0 x; default: share. */
  as?: "share" | "multiple";
  atLeast?: number;
  atMost?: number;
}

/** A picture of figures' medians; those of the ceiling are named `ceiling.<figure>`. */
export interface Chart {
  title: string;
  unit: string;
  /** Of a line chart, what its axis shows. */
  axis?: string;
  /** Label → figure, or for a line chart the name before `@`. */
  show: Record<string, string>;
}

/** Something prepared that can be measured again and again. Both throw when an answer is wrong. */
export interface Session {
  ceiling?(): Promise<Figures>;
  run(): Promise<Figures>;
}

export interface Scenario {
  /** As `--only` names it. */
  name: string;
  /** Servers that it needs, for readers. */
  needs: string;
  /** How it is measured, one or two sentences. */
  how: string;
  bars: Bar[];
  charts?: Chart[];
  /** It is run so often instead, without a run that is not counted; for what is long or begins with a new server. */
  runs?: number;
  /** Only when it is asked for. */
  onRequest?: true;
  open(stage: Stage): Promise<Session>;
}

/** What became of a bar. */
export interface BarResult extends Bar {
  /** Of each run. */
  figures: number[];
  /** Of each run, the ceiling beside it; empty without one. */
  ceilings: number[];
  /** Of each run, figure / ceiling; without a ceiling, the figure. The median of these is what the bar is held against. */
  values: number[];
  value: number;
  met: boolean;
}

export interface ScenarioResult {
  name: string;
  at: string;
  /** How long it took, with what was prepared. */
  seconds: number;
  bars: BarResult[];
  /** Medians of all figures; those of the ceiling as `ceiling.<name>`. */
  medians: Figures;
  /** What was wrong: then there are no figures. */
  failure?: string;
}
