/** What is being typed right before the caret, and can be completed. */
export interface Begun {
  kind: "mention" | "emoji";
  /** Without its sign. */
  query: string;
  /** Where its sign stands. */
  from: number;
  to: number;
}

const begun = /(?<=^|[\s(«"'])(?:@(?<mention>[\p{L}\p{N}_]{0,32})|:(?<emoji>[\p{L}\p{N}_+-]{2,32}))$/u;
const named = /:([a-z0-9_+-]{1,32}):$/;

export function begunAt(text: string, caret: number): Begun | undefined {
  const before = text.slice(Math.max(0, caret - 40), caret);
  const found = begun.exec(before);
  if (found === null) return undefined;
  const { mention, emoji } = found.groups ?? {};
  const query = mention ?? emoji ?? "";
  return { kind: mention === undefined ? "emoji" : "mention", query, from: caret - query.length - 1, to: caret };
}

/** `:name:` right before the caret. */
export function emojiNameAt(text: string, caret: number): { name: string; from: number } | undefined {
  const [whole, name] = named.exec(text.slice(Math.max(0, caret - 40), caret)) ?? [];
  return whole === undefined || name === undefined ? undefined : { name, from: caret - whole.length };
}

/** Who of these is named with `@` in a text. */
export function mentionsIn(text: string, people: readonly { id: number; username: string }[]): number[] {
  const names = new Set([...text.matchAll(/(?<![\p{L}\p{N}_@])@(\w{3,32})/gu)].map(([, name]) => name?.toLowerCase()));
  return people.filter(({ username }) => names.has(username.toLowerCase())).map(({ id }) => id);
}

/** Whether a word of some text begins with what is typed. */
export function startsIn(query: string, ...texts: string[]): boolean {
  const wanted = query.toLocaleLowerCase();
  return texts.some((text) =>
    text
      .toLocaleLowerCase()
      .split(/[\s_]+/)
      .some((word, index, words) => word.startsWith(wanted) || (index === 0 && words.join("_").startsWith(wanted))),
  );
}
