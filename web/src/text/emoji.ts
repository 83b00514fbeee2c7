import { gemoji } from "gemoji";

export interface Emoji {
  emoji: string;
  /** Without colons; the first is the usual one. */
  names: readonly string[];
  /** What else it is looked for by. */
  words: string;
  category: string;
}

export const allEmoji: readonly Emoji[] = gemoji.map(({ emoji, names, tags, description, category }) => ({
  emoji,
  names,
  words: [description, ...tags].join(" "),
  category,
}));

const byName = new Map(allEmoji.flatMap(({ names, emoji }) => names.map((name) => [name, emoji])));

export function emojiNamed(name: string): string | undefined {
  return byName.get(name);
}

/** Those whose name begins with what is typed first, then those that it is a part of. */
export function findEmoji(query: string, most: number): Emoji[] {
  const wanted = query.toLowerCase();
  const rank = ({ names, words }: Emoji): number =>
    names.includes(wanted)
      ? 0
      : names.some((name) => name.startsWith(wanted))
        ? 1
        : names.some((name) => name.includes(wanted))
          ? 2
          : words.split(" ").some((word) => word.startsWith(wanted))
            ? 3
            : 4;
  const ranked = allEmoji.map((one) => ({ one, rank: rank(one) })).filter(({ rank }) => rank < 4);
  return ranked
    .toSorted((a, b) => a.rank - b.rank)
    .slice(0, most)
    .map(({ one }) => one);
}
