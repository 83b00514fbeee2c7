/** A small, safe part of Markdown. What is not of it stays as it was typed; nothing is ever taken for HTML. */
export type Inline =
  | { kind: "text" | "bold" | "italic" | "strike" | "code" | "mention"; text: string }
  | { kind: "link"; text: string; href: string };
export type Block =
  | { kind: "paragraph"; parts: Inline[] }
  | { kind: "quote"; parts: Inline[] }
  | { kind: "code"; text: string };

/** Beyond it a text is shown as it is: nobody formats so much by hand, and no pattern runs over it. */
const maxFormatted = 16_000;

const inline =
  /(?<code>`[^`\n]+`)|(?<bold>\*\*(?=\S)[^*\n]+(?<=\S)\*\*)|(?<italic>(?<![\p{L}\p{N}_])_(?=\S)[^_\n]+(?<=\S)_(?![\p{L}\p{N}_]))|(?<strike>~~(?=\S)[^~\n]+(?<=\S)~~)|(?<mention>(?<![\p{L}\p{N}_@])@\w{3,32})|(?<link>\bhttps?:\/\/[^\s<>"']+)/gu;
const fence = /(?:^|\n)```[^\n`]*\n([\s\S]*?)\n?```(?=\n|$)/g;

export function blocksOf(text: string): Block[] {
  if (text.length > maxFormatted) return [{ kind: "paragraph", parts: [{ kind: "text", text }] }];
  const blocks: Block[] = [];
  let end = 0;
  for (const found of text.matchAll(fence)) {
    blocks.push(...linesOf(text.slice(end, found.index)), { kind: "code", text: found[1] ?? "" });
    end = found.index + found[0].length;
  }
  return [...blocks, ...linesOf(text.slice(end).replace(/^\n/, end === 0 ? "\n" : ""))];
}

/** Lines that begin with `>` are a quote, what is between them a paragraph. */
function linesOf(text: string): Block[] {
  if (text === "") return [];
  const groups: { isQuote: boolean; lines: string[] }[] = [];
  for (const line of text.split("\n")) {
    const isQuote = /^>\s?/.test(line);
    const last = groups.at(-1);
    const shown = isQuote ? line.replace(/^>\s?/, "") : line;
    if (last?.isQuote === isQuote) last.lines.push(shown);
    else groups.push({ isQuote, lines: [shown] });
  }
  return groups.map(({ isQuote, lines }) => ({
    kind: isQuote ? "quote" : "paragraph",
    parts: inlinesOf(lines.join("\n")),
  }));
}

function inlinesOf(text: string): Inline[] {
  const parts: Inline[] = [];
  let end = 0;
  for (const found of text.matchAll(inline)) {
    if (found.index > end) parts.push({ kind: "text", text: text.slice(end, found.index) });
    const part = inlineOf(found[0], found.groups ?? {});
    parts.push(part);
    end = found.index + (part.kind === "link" ? part.text.length : found[0].length);
  }
  if (end < text.length) parts.push({ kind: "text", text: text.slice(end) });
  return parts;
}

function inlineOf(found: string, groups: Record<string, string | undefined>): Inline {
  if (groups["code"] !== undefined) return { kind: "code", text: found.slice(1, -1) };
  if (groups["bold"] !== undefined) return { kind: "bold", text: found.slice(2, -2) };
  if (groups["italic"] !== undefined) return { kind: "italic", text: found.slice(1, -1) };
  if (groups["strike"] !== undefined) return { kind: "strike", text: found.slice(2, -2) };
  if (groups["mention"] !== undefined) return { kind: "mention", text: found };
  // The end of a sentence is not of the address.
  const href = found.replace(/[.,;:!?)\]}»”…]+$/u, "");
  return URL.canParse(href) ? { kind: "link", text: href, href } : { kind: "text", text: found };
}
