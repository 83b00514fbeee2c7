/** One key as the chat understands it; text that was typed or pasted comes as it is. */
export type Key =
  | { kind: "text"; text: string }
  | { kind: "enter" | "backspace" | "up" | "down" | "pageUp" | "pageDown" | "escape" | "quit" | "clear" };

const named: readonly (readonly [string, Exclude<Key["kind"], "text">])[] = [
  ["\x1b[A", "up"],
  ["\x1bOA", "up"],
  ["\x1b[B", "down"],
  ["\x1bOB", "down"],
  ["\x1b[5~", "pageUp"],
  ["\x1b[6~", "pageDown"],
  ["\r", "enter"],
  ["\n", "enter"],
  ["\x7f", "backspace"],
  ["\b", "backspace"],
  ["\x03", "quit"],
  ["\x04", "quit"],
  ["\x15", "clear"],
];

/** Splits what a terminal in raw mode sent into keys; sequences that mean nothing here are dropped. */
export function parseKeys(input: string): Key[] {
  const keys: Key[] = [];
  for (let rest = input; rest !== "";) {
    const known = named.find(([sequence]) => rest.startsWith(sequence));
    if (known !== undefined) {
      keys.push({ kind: known[1] });
      rest = rest.slice(known[0].length);
      continue;
    }
    // oxlint-disable-next-line no-control-regex
    const escape = /^\x1b(?:\[[0-9;?]*[ -/]*[@-~]|O.|.)?/.exec(rest);
    if (escape !== null) {
      if (escape[0] === "\x1b") keys.push({ kind: "escape" });
      rest = rest.slice(escape[0].length);
      continue;
    }
    // oxlint-disable-next-line no-control-regex
    const text = /^[^\x00-\x1f\x7f]+/.exec(rest)?.[0];
    if (text !== undefined) keys.push({ kind: "text", text });
    rest = rest.slice(text?.length ?? 1);
  }
  return keys;
}
