const rightToLeft = /[\u0590-\u08FF\u200F\uFB1D-\uFDFF\uFE70-\uFEFC\u{10800}-\u{10FFF}\u{1E800}-\u{1EFFF}]/u;
const strong = /[\p{L}\u200E\u200F]/u;

/** One direction for a whole message, from its first strong character; undefined: it has none, and follows the page. */
export function directionOf(text: string): "ltr" | "rtl" | undefined {
  // An address is read from left to right in every script and says nothing of what is around it.
  const [first] = strong.exec(text.replaceAll(/https?:\/\/\S+/g, "")) ?? [];
  return first === undefined ? undefined : rightToLeft.test(first) ? "rtl" : "ltr";
}
