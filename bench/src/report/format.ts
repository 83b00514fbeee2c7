import type { Bar, BarResult } from "../scenario.ts";

export function round(value: number): string {
  if (!Number.isFinite(value)) return "–";
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));
}

/** A value as its bar is read: a share, a multiple, or with its unit. */
export function valueText(bar: Bar, value: number): string {
  if (bar.of === undefined) return `${round(value)} ${bar.unit}`;
  return bar.as === "multiple" ? `${round(value)} ×` : `${round(value * 100)} %`;
}

/** What is demanded, such as `≥ 50 %`; empty when nothing is. */
export function barText(bar: Bar): string {
  if (bar.atLeast !== undefined) return `≥ ${valueText(bar, bar.atLeast)}`;
  return bar.atMost === undefined ? "" : `≤ ${valueText(bar, bar.atMost)}`;
}

/** Whether it was met, in words; empty when nothing was demanded. */
export function metText(bar: BarResult): string {
  if (barText(bar) === "") return "";
  return bar.met ? "met" : "missed";
}

/** One line for whoever watches. */
export function barLine(bar: BarResult): string {
  const spread = bar.values.map((value) => valueText(bar, value)).join(", ");
  const demanded = barText(bar) === "" ? "" : `, ${barText(bar)} ${metText(bar)}`;
  return `  ${bar.what}: ${valueText(bar, bar.value)}${bar.of === undefined ? "" : ` of ${bar.of}`}${demanded} (${spread})`;
}
