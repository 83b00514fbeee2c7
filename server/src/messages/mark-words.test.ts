import { expect, test } from "vitest";
import { markWords } from "./mark-words.ts";

/** The text with its marks in brackets. */
const marked = (content: string, ...words: string[]): string =>
  markWords(content, words)
    .toReversed()
    .reduce((text, [from, upTo]) => `${text.slice(0, from)}[${text.slice(from, upTo)}]${text.slice(upTo)}`, content);

test.each([
  ["Hello, hello othello!", ["hel"], "[Hel]lo, [hel]lo othello!"],
  ["À la carte", ["a", "carte"], "[À] la [carte]"],
  ["اَلسّلام عليك، كتاب ۱۲۳", ["کتاب", "123", "علی"], "اَلسّلام [علي]ك، [كتاب] [۱۲۳]"],
  ["می‌خواهم", ["خوا"], "می‌[خوا]هم"],
  ["می‌خواهم", ["میخوا"], "[می‌خوا]هم"],
  ["我在北京大学", ["北京"], "我在[北京]大学"],
  ["한국어", ["국어"], "한[국어]"],
  ["a👍🏽b🔥", ["👍"], "a[👍]🏽b🔥"],
  ["Ｆｕｌｌ width", ["full"], "[Ｆｕｌｌ] width"],
  ["aaa aaaa", ["aa", "aaa"], "[aaa] [aaa]a"],
  ["nothing", ["else"], "nothing"],
])("in %j %j is marked", (content, words, expected) => {
  expect(marked(content, ...words)).toBe(expected);
});

test("marks are bounded, and no text makes them slow", () => {
  expect(markWords("ab ".repeat(5_000), ["a", "ab"])).toHaveLength(50);
  expect(markWords("a".repeat(16_000), ["a".repeat(40)])).toEqual([[0, 40]]);
});
