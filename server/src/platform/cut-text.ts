import { OmError } from "./om-error.ts";

/**
 * A name as it is stored: composed (NFC), so that what looks the same is the same, without NUL.
 * @throws OmError `invalid_request_body` for lone surrogates, which are no text
 */
export function normalizedText(text: string): string {
  if (!text.isWellFormed()) throw new OmError("invalid_request_body");
  return cleanText(text.normalize("NFC"));
}

/** Text that PostgreSQL and JSON can hold: lone surrogates and NUL become U+FFFD. */
export function cleanText(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\ufffd");
}

/** Whether a text has more than so many characters (code points). */
export function hasMoreCharacters(text: string, most: number): boolean {
  if (text.length <= most) return false;
  let count = 0;
  for (const _ of text) if (++count > most) return true;
  return false;
}

/** The first `most` characters (code points). */
export function cutCharacters(text: string, most: number): string {
  return hasMoreCharacters(text, most) ? Array.from(text).slice(0, most).join("") : text;
}

/** The longest beginning of `text` that has at most `maxBytes` bytes of UTF-8 and ends between two characters. */
export function cutBytes(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes) return text;
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes;
  // 10xxxxxx continues a character.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString("utf8", 0, end);
}
