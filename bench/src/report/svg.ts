import { round } from "./format.ts";

/** A line: its points, by their place on the axis. */
export interface Line {
  label: string;
  points: { at: string; value: number }[];
}

/** A horizontal bar; `mark` is where it should reach, or end before. */
export interface Column {
  label: string;
  value: number;
  text: string;
  mark?: number;
  good?: boolean;
}

const width = 860;
/** Readable on both backgrounds. */
const colours = ["#2f81f7", "#d4722a", "#2da44e", "#a371f7"];
const style =
  ".b{fill:#fff}text{font:13px system-ui,sans-serif;fill:#1f2328}.t{font-weight:600;font-size:15px}.q{fill:#59636e}.g{stroke:#8b949e55}" +
  ".m{text-anchor:middle}.e{text-anchor:end}.s{stroke:#1f2328;stroke-width:2}@media(prefers-color-scheme:dark){.b{fill:#0d1117}text{fill:#e6edf3}.q{fill:#9198a1}.s{stroke:#e6edf3}}";

/** Values over an ordered axis, from zero. */
export function lineChart(
  title: string,
  { unit, axis }: { unit: string; axis: string },
  lines: readonly Line[],
): string {
  const height = 340;
  const [left, right, top, bottom] = [64, 40, 64, 56];
  const places = [...new Set(lines.flatMap(({ points }) => points.map(({ at }) => at)))];
  const highest = niceCeiling(Math.max(...lines.flatMap(({ points }) => points.map(({ value }) => value))));
  const x = (at: string): number =>
    left +
    ((width - left - right) * (places.indexOf(at) + (places.length === 1 ? 0.5 : 0))) / Math.max(1, places.length - 1);
  const y = (value: number): number => height - bottom - ((height - top - bottom) * value) / highest;
  const grid = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const at = y(share * highest).toFixed(1);
    return `<path class="g" d="M${left} ${at}H${width - right}"/>${text(left - 8, at, round(share * highest), "e q")}`;
  });
  const every = Math.ceil(places.length / 8);
  const ticks = places.map((at, i) => (i % every === 0 ? text(x(at), height - bottom + 18, at, "m q") : ""));
  const drawn = lines.map(({ label, points }, i) => {
    const colour = colours[i % colours.length] ?? "";
    const path = points.map(({ at, value }) => `${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join("L");
    const key = left + i * 200;
    return (
      `<path d="M${path}" fill="none" stroke="${colour}" stroke-width="2.5"/>` +
      `<rect x="${key}" y="38" width="12" height="12" rx="2" fill="${colour}"/>${text(key + 18, 48, label)}`
    );
  });
  const axes = text((left + width - right) / 2, height - 12, axis, "m q");
  return page(height, `${title}, ${unit}`, [...grid, ...ticks, ...drawn, axes].join(""));
}

/** Values side by side, from zero. */
export function barChart(title: string, columns: readonly Column[]): string {
  const [left, right, top, step] = [430, 90, 44, 28];
  const highest = niceCeiling(Math.max(...columns.flatMap(({ value, mark = 0 }) => [value, mark])));
  const x = (value: number): number => left + ((width - left - right) * value) / highest;
  const drawn = columns.map(({ label, value, text: words, mark, good }, i) => {
    const y = top + i * step;
    const colour = good === undefined ? colours[0] : good ? colours[2] : colours[1];
    const line = mark === undefined ? "" : `<path class="s" d="M${x(mark).toFixed(1)} ${y - 2}v22"/>`;
    const end = Math.max(x(value), mark === undefined ? 0 : x(mark)) + 8;
    return (
      `${text(left - 10, y + 13, label, "e")}${line}${text(end, y + 13, words)}` +
      `<rect x="${left}" y="${y}" width="${Math.max(1, x(value) - left).toFixed(1)}" height="18" rx="3" fill="${colour}"/>${line}`
    );
  });
  return page(top + columns.length * step + 12, title, drawn.join(""));
}

function page(height: number, title: string, content: string): string {
  const label = escape(title);
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">` +
    `<style>${style}</style><rect class="b" width="100%" height="100%" rx="6"/>${text(12, 24, title, "t")}${content}</svg>\n`
  );
}

/** @param names classes: `q` quiet, `t` title, `m` in the middle of x, `e` ending there */
function text(x: number, y: number | string, words: string, names = ""): string {
  return `<text x="${x.toFixed(1)}" y="${y}" class="${names}">${escape(words)}</text>`;
}

function escape(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}

/** 1, 2, 2.5 or 5 times a power of ten, at least as high. */
function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value > 0 ? value : 1));
  return ([1, 2, 2.5, 5].find((step) => step * power >= value) ?? 10) * power;
}
