/** Numbers for texts: the answers of a run are few, repeated often. */
export interface InternedTexts {
  /** The number of a text, a new one for a new text. */
  add(text: string): number;
  /** undefined: nobody ever saw this text. */
  find(text: string): number | undefined;
  text(number: number): string;
  /** All of them; the position is the number. */
  all(): readonly string[];
}

/** @param known texts of an earlier run */
export function internTexts(known: readonly string[] = []): InternedTexts {
  const texts = [...known];
  const numbers = new Map(texts.map((text, number) => [text, number]));
  return {
    add(text) {
      const known = numbers.get(text);
      if (known !== undefined) return known;
      numbers.set(text, texts.length);
      return texts.push(text) - 1;
    },
    find: (text) => numbers.get(text),
    text: (number) => texts[number] ?? "",
    all: () => texts,
  };
}
