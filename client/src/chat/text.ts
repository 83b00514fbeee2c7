/** Text of others as a terminal may show it: no control characters, no escape sequences, nothing that turns the line around. */
export function safeText(text: string): string {
  return text
    .replaceAll(/\r?\n|\t/g, " ")
    .replaceAll(/[\p{Cc}\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff]/gu, "")
    .toWellFormed();
}

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** Characters as people see them, cleaned: what is measured is what will be drawn. */
function graphemes(text: string): string[] {
  return Array.from(segmenter.segment(safeText(text)), ({ segment }) => segment);
}

/** Columns that a text takes: wide characters and emoji take two, joined marks none. */
export function width(text: string): number {
  return graphemes(text).reduce((columns, grapheme) => columns + graphemeWidth(grapheme), 0);
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
  let cut = "";
  let cutWidth = 0;
  let used = 0;
  for (const grapheme of graphemes(text)) {
    const more = graphemeWidth(grapheme);
    if (used + more > columns) return `${cut}…${" ".repeat(columns - 1 - cutWidth)}`;
    used += more;
    if (used > columns - 1) continue;
    cut += grapheme;
    cutWidth = used;
  }
  return `${safeText(text)}${" ".repeat(columns - used)}`;
}

/** Lines of at most `columns`, broken where the text breaks and between words where there are any. */
export function wrap(text: string, columns: number): string[] {
  return text.split(/\r\n|[\r\n]/).flatMap((line) => wrapLine(safeText(line), columns));
}

function wrapLine(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  let used = 0;
  for (const word of text.split(/(?<= )/)) {
    if (used + width(word.trimEnd()) <= columns) {
      line += word;
      used += width(word);
      continue;
    }
    if (line !== "") lines.push(line.trimEnd());
    line = "";
    used = 0;
    for (const grapheme of graphemes(word)) {
      const more = graphemeWidth(grapheme);
      if (used + more > columns) {
        lines.push(line);
        line = "";
        used = 0;
      }
      line += grapheme;
      used += more;
    }
  }
  return [...lines, line.trimEnd()];
}
