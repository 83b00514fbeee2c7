/** One key as the chat understands it; text that was typed comes as it is, and what was pasted as one piece. */
export type Key = { kind: "text" | "paste"; text: string } | { kind: (typeof named)[number][1] | "escape" };

const named = [
  ["\x1b[A", "up"],
  ["\x1bOA", "up"],
  ["\x1b[B", "down"],
  ["\x1bOB", "down"],
  ["\x1b[5~", "pageUp"],
  ["\x1b[6~", "pageDown"],
  ["\x1b[Z", "previous"],
  ["\t", "next"],
  ["\r", "enter"],
  ["\n", "enter"],
  ["\x7f", "backspace"],
  ["\b", "backspace"],
  ["\x03", "quit"],
  ["\x04", "quit"],
  ["\x15", "clear"],
] as const;
/* oxlint-disable no-control-regex */
const unfinished = /^\x1b\[[0-9;?]*$/;
const sequence = /^\x1b(?:\[[0-9;?]*[ -/]*[@-~]|O.|.)?/;
const printable = /^[^\x00-\x1f\x7f]+/;
/* oxlint-enable no-control-regex */
const pasteBegin = "\x1b[200~";
const pasteEnd = "\x1b[201~";
/** What a paste may hold, in UTF-16 units: more than any message. The rest is dropped. */
const maxPaste = 131_072;

/** Asks the terminal to mark what is pasted, and not to any more. */
export const bracketedPaste = { on: "\x1b[?2004h", off: "\x1b[?2004l" } as const;

/**
 * Splits what a terminal in raw mode sends, piece by piece, into keys; sequences that mean nothing here are dropped. What stands
 * between the marks of a paste is one text, whatever it holds. A terminal that sets no marks sends a paste at once, with line ends
 * in its middle, which nobody types.
 */
export function createKeyReader(): (piece: string) => Key[] {
  let paste: { text: string; tail: string } | undefined;
  /** The beginning of a sequence whose end is to come. */
  let held = "";

  /** @returns what stands behind the paste */
  function readPaste({ text, tail }: { text: string; tail: string }, piece: string, keys: Key[]): string {
    const seen = tail + piece;
    // A mark inside the text was pasted as well.
    const end = seen.lastIndexOf(pasteEnd);
    const until = end < 0 ? Math.max(0, seen.length - pasteEnd.length + 1) : end;
    const all = (text + seen.slice(0, until)).slice(0, maxPaste);
    paste = end < 0 ? { text: all, tail: seen.slice(until) } : undefined;
    if (end < 0) return "";
    keys.push({ kind: "paste", text: pastedText(all) });
    return seen.slice(end + pasteEnd.length);
  }

  return (piece) => {
    const keys: Key[] = [];
    let rest = held + piece;
    held = "";
    if (paste === undefined && !rest.includes("\x1b") && /[\r\n][^\r\n]/.test(rest))
      return [{ kind: "paste", text: pastedText(rest) }];
    while (rest !== "") {
      if (paste !== undefined) rest = readPaste(paste, rest, keys);
      else if (rest.startsWith(pasteBegin)) {
        paste = { text: "", tail: "" };
        rest = rest.slice(pasteBegin.length);
      } else if (unfinished.test(rest)) {
        held = rest;
        rest = "";
      } else rest = readKey(rest, keys);
    }
    return keys;
  };
}

/** Lines of text without control characters; a line end at its end is none that was typed. */
function pastedText(text: string): string {
  return text
    .replaceAll(pasteEnd, "")
    .replaceAll(pasteBegin, "")
    .replaceAll(/\r\n?/g, "\n")
    .replaceAll(/(?!\n|\t)\p{Cc}/gu, "")
    .trimEnd();
}

/** @returns what stands behind the key */
function readKey(input: string, keys: Key[]): string {
  const known = named.find(([bytes]) => input.startsWith(bytes));
  if (known !== undefined) {
    keys.push({ kind: known[1] });
    return input.slice(known[0].length);
  }
  const escape = sequence.exec(input);
  if (escape !== null) {
    if (escape[0] === "\x1b") keys.push({ kind: "escape" });
    return input.slice(escape[0].length);
  }
  const text = printable.exec(input)?.[0];
  if (text !== undefined) keys.push({ kind: "text", text });
  return input.slice(text?.length ?? 1);
}
