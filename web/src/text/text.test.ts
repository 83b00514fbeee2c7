import { describe, expect, test } from "vitest";
import { en, type Text } from "../i18n/en.ts";
import { fa } from "../i18n/fa.ts";
import { directionOf } from "./direction.ts";
import { blocksOf } from "./markup.ts";

test.each([
  ["hello سلام", "ltr"],
  ["سلام hello", "rtl"],
  ["123, سلام", "rtl"],
  ["שלום", "rtl"],
  ["🙂 …", undefined],
  ["https://example.org سلام", "rtl"],
  ["漢字", "ltr"],
])("%s runs %s, all of it", (text, direction) => expect(directionOf(text)).toBe(direction));

describe("the texts of the page", () => {
  const values = (text: Text): string[] =>
    [...JSON.stringify(text).matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? "").toSorted();

  test("no language lacks one, and each has the same values in it", () => {
    expect(Object.keys(fa).toSorted()).toEqual(Object.keys(en).toSorted());
    for (const [key, text] of Object.entries<Text>(en)) {
      const other = fa[key as keyof typeof en];
      expect([key, new Set(values(other))]).toEqual([key, new Set(values(text))]);
      expect(typeof text === "string" ? text : text.other, key).toBeTruthy();
      expect(typeof other === "string" ? other : other.other, key).toBeTruthy();
    }
  });
});

describe("markup", () => {
  const kinds = (text: string) =>
    blocksOf(text).map((block) => (block.kind === "code" ? `code ${block.text}` : [block.kind, ...block.parts]));

  test("a little of it is known, and a script's address is no link", () => {
    expect(kinds("**b** _i_ ~~s~~ `c`")).toEqual([
      [
        "paragraph",
        { kind: "bold", text: "b" },
        { kind: "text", text: " " },
        { kind: "italic", text: "i" },
        { kind: "text", text: " " },
        { kind: "strike", text: "s" },
        { kind: "text", text: " " },
        { kind: "code", text: "c" },
      ],
    ]);
    expect(kinds("> q\na")).toEqual([
      ["quote", { kind: "text", text: "q" }],
      ["paragraph", { kind: "text", text: "a" }],
    ]);
    expect(kinds("```js\nx\n```")).toEqual(["code x"]);
    expect(kinds("see https://a.example/b.")).toEqual([
      [
        "paragraph",
        { kind: "text", text: "see " },
        { kind: "link", text: "https://a.example/b", href: "https://a.example/b" },
        { kind: "text", text: "." },
      ],
    ]);
    for (const text of ["javascript:alert(1)", "[x](javascript:alert(1))", "<b>x</b>", "a_b_c", "2 ** 3 ** 4"])
      expect(kinds(text)).toEqual([["paragraph", { kind: "text", text }]]);
  });

  test("a bomb of marks is over at once, and says what it said", () => {
    for (const text of [
      "**".repeat(8_000),
      "_a".repeat(8_000),
      "> ".repeat(8_000),
      "`".repeat(15_999),
      "```\n".repeat(4_000),
    ]) {
      const said = blocksOf(text).flatMap((block) =>
        block.kind === "code" ? block.text : block.parts.map((part) => part.text),
      );
      expect(said.join("").length).toBeLessThanOrEqual(text.length);
    }
  });
});
