/**
 * Characters that show nothing or move what is around them: controls, direction marks, fillers, soft hyphens, spaces without width. Kept are
 * joiners, which Persian and emoji need, selectors of variants, and the tags of flags.
 */
const unseen =
  /(?!\u200c|\u200d|[\ufe00-\ufe0f]|[\u180b-\u180d]|[\u{e0020}-\u{e007f}]|[\u{e0100}-\u{e01ef}])[\p{Cc}\p{Default_Ignorable_Code_Point}\ufff9-\ufffb\u2800]/gu;
/** Only such make no name. */
const nothing = /^[\p{Cc}\p{Cf}\p{Z}\p{Default_Ignorable_Code_Point}]*$/u;

/** One line that people can see, in normal form C; "" if it shows nothing. */
export function cleanName(text: string): string {
  return cleanLines(text.replaceAll(/[\t\n\v\f\r\u0085\u2028\u2029]+/g, " "));
}

/** The same for a text of several lines. */
export function cleanLines(text: string): string {
  const lines = text.toWellFormed().normalize("NFC").replaceAll(/\r\n?/g, "\n").split("\n");
  const clean = lines.map((line) => line.replaceAll("\t", " ").replaceAll(unseen, "")).join("\n");
  return nothing.test(clean) ? "" : clean;
}
