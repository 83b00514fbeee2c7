import { cpus } from "node:os";
import type { Figure } from "./measure.ts";

/** A row of the report: a figure and what it is of its ceiling. */
export interface Row {
  what: string;
  figure: Figure;
  /** Share of a ceiling of the same run, such as 0.42, and that ceiling's name. */
  ratio?: { of: string; value: number };
}

/** Rows of a Markdown table. */
export function markdown(rows: readonly Row[]): string {
  const lines = rows.map(({ what, figure, ratio }) => {
    const share = ratio === undefined ? "" : `${(ratio.value * 100).toFixed(1)} % of ${ratio.of}`;
    return `| ${what} | ${round(figure.median)} ${figure.unit} | ${figure.runs.map(round).join(", ")} | ${share} |`;
  });
  return ["| What | Median | Runs | Ratio |", "| --- | --- | --- | --- |", ...lines].join("\n");
}

export function round(value: number): string {
  if (!Number.isFinite(value)) return "–";
  return value >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}

/** Where the figures come from. */
export function machine(): string {
  const [cpu] = cpus();
  return `${cpus().length} × ${cpu?.model.trim() ?? "unknown"}, Node ${process.version}, ${process.platform}`;
}
