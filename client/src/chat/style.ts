import { safeText } from "./text.ts";

const codes = { bold: 1, dim: 2, inverse: 7, green: 32, red: 31, cyan: 36, blue: 94 } as const;
type Style = keyof typeof codes;

/** A piece of a row: plain text, or text in a style. */
export type Span = string | { style: Style; text: string };
/** One row of the screen. */
export type Row = readonly Span[];

const styled = (style: Style) => (text: string) => ({ style, text });

export const bold = styled("bold");
export const dim = styled("dim");
export const inverse = styled("inverse");
export const green = styled("green");
export const red = styled("red");
export const cyan = styled("cyan");
export const blue = styled("blue");

/** A row as the terminal gets it. Everything that is drawn or printed goes through here: whoever wrote it, it holds no control sequence but our styles. */
export function render(row: Row): string {
  return row
    .map((span) =>
      typeof span === "string" ? safeText(span) : `\x1b[${codes[span.style]}m${safeText(span.text)}\x1b[0m`,
    )
    .join("");
}

/** A row without its styles. */
export function plain(row: Row): string {
  return row.map((span) => (typeof span === "string" ? span : span.text)).join("");
}
