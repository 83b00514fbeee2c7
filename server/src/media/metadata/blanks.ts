/** A part of a file to be overwritten: with `by`, and with zeros up to `end`. */
export interface Blank {
  start: number;
  end: number;
  by?: string;
}

/** The bytes of a file from `start` up to, not including, `end`. */
export type Span = Pick<Blank, "start" | "end">;

/** The file is not laid out as it should be, or in a way that is not known here: nothing in it may be touched. */
export class Unclear extends Error {}

/** More parts than any honest file has: looking at them would keep others waiting. */
export const maxParts = 100_000;

/** Nothing that is to be overwritten may be needed for something else. @throws Unclear */
export function refuseOverlaps(blanks: Span[], needed: Span[]): void {
  const parts = [
    ...blanks.map((span) => ({ ...span, blank: true })),
    ...needed.map((span) => ({ ...span, blank: false })),
  ];
  const reached = { true: 0, false: 0 };
  for (const { start, end, blank } of parts.filter((part) => part.end > part.start).sort((a, b) => a.start - b.start)) {
    if (start < reached[`${!blank}`]) throw new Unclear("shared bytes");
    reached[`${blank}`] = Math.max(reached[`${blank}`], end);
  }
}

/** What of a file lies not in `data`, whose spans follow each other. */
export function outside(data: Span[]): Span[] {
  const sorted = data.toSorted((a, b) => a.start - b.start);
  const ends = [0, ...sorted.map(({ end }) => end)];
  return ends.map((start, i) => ({ start, end: sorted[i]?.start ?? Infinity }));
}
