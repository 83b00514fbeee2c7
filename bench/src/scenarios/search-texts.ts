/** Numbers from 0 to 1 that are the same each time (mulberry32). */
export function seeded(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b1);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const letters = {
  latin: Array.from("eotainshrdlucmfwypvbgkqjxz"),
  persian: Array.from("اینردمهوتبشکسگلپعزقفجخحصطغ"),
  chinese: Array.from({ length: 2_000 }, (_, i) => String.fromCodePoint(0x4e00 + 7 * i)),
};

/** The n-th most common word: three fifths Latin, some Persian, some Chinese; short ones are as common as long ones. */
const vocabulary = Array.from({ length: 30_000 }, (_, n) => {
  const random = seeded(n + 7);
  const script = n % 10 < 6 ? "latin" : n % 10 < 8 ? "persian" : "chinese";
  const length = { latin: 1 + (n % 8), persian: 2 + (n % 5), chinese: 1 + (n % 4) }[script];
  const from = letters[script];
  return Array.from({ length }, () => from[Math.floor(from.length * random() ** 2)]).join("");
});

/** The words of a message, in their usual forms. */
export function messageWords(talk: number, seq: number): string[] {
  const random = seeded(talk * 65_537 + seq);
  return Array.from(
    { length: 3 + Math.floor(12 * random()) },
    () => vocabulary[Math.floor(vocabulary.length ** random()) - 1] ?? "",
  );
}

/** The message as it is written: now and then with capitals, with Arabic letters, vowel points or a comma. */
export function textOf(talk: number, seq: number): string {
  const random = seeded(talk + seq * 31);
  return messageWords(talk, seq)
    .map((word) => {
      if (random() < 0.2) return `${word.toUpperCase().replaceAll("ک", "ك").replaceAll("ی", "ي")},`;
      return random() < 0.1 ? word.replace("ا", "اَ") : word;
    })
    .join(" ");
}

const isChinese = (word: string): boolean => word >= "一";

/** What somebody types who remembers these words: one or two of them, half of the time only a part. */
export function searchesFor(words: readonly string[], random: () => number) {
  const parts = Array.from({ length: random() < 0.5 ? 1 : 2 }, () => {
    const word = words[Math.floor(random() * words.length)] ?? "";
    if (random() < 0.5) return word;
    const from = isChinese(word) ? Math.floor(random() * word.length) : 0;
    return word.slice(from, from + 1 + Math.floor(random() * (word.length - from)));
  });
  return {
    text: parts.join(" "),
    /** Told without the server's help. */
    fits: (message: readonly string[]): boolean =>
      parts.every((part) => message.some((word) => (isChinese(part) ? word.includes(part) : word.startsWith(part)))),
  };
}
