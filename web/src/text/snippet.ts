/** Characters before the first mark, and in all, as far as a line of a list shows them. */
const before = 24;
const length = 160;

interface Part {
  text: string;
  isMarked: boolean;
}

/** A piece of a text in one line that has the first of its marks in it. @param marks ascending and apart, in UTF-16 units */
export function snippetOf(text: string, marks: readonly { from: number; to: number }[]): Part[] {
  const first = marks[0]?.from ?? 0;
  // A word is not begun in its middle.
  const start = first <= before ? 0 : text.slice(0, first - before).search(/\S*$/);
  const begin = first - start > 2 * before ? first - before : start;
  const end = begin + length;
  const parts: Part[] = begin > 0 ? [{ text: "… ", isMarked: false }] : [];
  let at = begin;
  const add = (to: number, isMarked: boolean): void => {
    const piece = text.slice(at, Math.min(to, end)).replaceAll(/\s+/g, " ");
    if (piece !== "") parts.push({ text: piece, isMarked });
    at = Math.max(at, to);
  };
  for (const { from, to } of marks) {
    if (from >= end) break;
    add(from, false);
    add(to, true);
  }
  if (at < end) add(end, false);
  return parts;
}
