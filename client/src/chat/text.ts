/** Text of others as a terminal may show it: no control characters, no escape sequences, nothing that turns the line around. */
export function safeText(text: string): string {
  return text
    .replaceAll(/\r?\n|\t/g, " ")
    .replaceAll(/[\p{Cc}\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff]/gu, "")
    .toWellFormed();
}

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** Columns that a text takes: wide characters and emoji take two, joined marks none. */
export function width(text: string): number {
  let columns = 0;
  for (const { segment } of segmenter.segment(text)) columns += graphemeWidth(segment);
  return columns;
}

function graphemeWidth(grapheme: string): number {
  if (/\p{Extended_Pictographic}\ufe0f|\p{Emoji_Presentation}|\p{Regional_Indicator}/u.test(grapheme)) return 2;
  const code = grapheme.codePointAt(0) ?? 0;
  if (/^\p{M}|^\u200b|^\u200d/u.test(grapheme)) return 0;
  const wide =
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0x20000 && code <= 0x3fffd);
  return wide ? 2 : 1;
}

/** Without its last character as people see it. */
export function dropLast(text: string): string {
  const characters = Array.from(segmenter.segment(text), ({ segment }) => segment);
  return characters.slice(0, -1).join("");
}

/** Exactly `columns` wide: cut with an ellipsis or filled with blanks. */
export function fit(text: string, columns: number): string {
  if (columns <= 0) return "";
  const full = width(text);
  if (full <= columns) return text + " ".repeat(columns - full);
  let cut = "";
  let used = 0;
  for (const { segment } of segmenter.segment(text)) {
    const more = graphemeWidth(segment);
    if (used + more > columns - 1) break;
    cut += segment;
    used += more;
  }
  return `${cut}…${" ".repeat(columns - 1 - used)}`;
}

/** Lines of at most `columns`, broken between words where there are any. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/(?<= )/)) {
    if (width(line + word.trimEnd()) <= columns) {
      line += word;
      continue;
    }
    if (line !== "") lines.push(line.trimEnd());
    line = "";
    for (const { segment } of segmenter.segment(word)) {
      if (width(line + segment) > columns) {
        lines.push(line);
        line = "";
      }
      line += segment;
    }
  }
  return [...lines, line.trimEnd()];
}
