import fc from "fast-check";
import { expect, test } from "vitest";
import { createInput, eraseLast, pasteText, recallInput, takeInput, typeText } from "./input.ts";
import { createKeyReader, type Key } from "./keys.ts";
import { dropLast, fit, safeText, width, wrap } from "./text.ts";

const parseKeys = (...pieces: string[]): Key[] => pieces.flatMap(createKeyReader());

test("keys, typed text and unknown sequences are told apart", () => {
  expect(parseKeys("hi\x1b[A\x1b[6~\r\x7f\x03\x1b[1;5C!\x1b")).toEqual([
    { kind: "text", text: "hi" },
    { kind: "up" },
    { kind: "pageDown" },
    { kind: "enter" },
    { kind: "backspace" },
    { kind: "quit" },
    { kind: "text", text: "!" },
    { kind: "escape" },
  ]);
});

test("any input is read to its end, and text never holds control characters", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (input) => {
      for (const key of parseKeys(input, input))
        // oxlint-disable-next-line no-control-regex
        if ("text" in key) expect(key.text).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f]/);
    }),
  );
});

test("a paste is one text, wherever it is torn, whatever it holds", () => {
  const pasted = "/quit\r\nrm -rf ~\tall\r";
  const bytes = `a\x1b[200~${pasted}\x1b[201~\r`;
  const keys = [{ kind: "text", text: "a" }, { kind: "paste", text: "/quit\nrm -rf ~\tall" }, { kind: "enter" }];
  for (let at = 3; at < bytes.length; at += 1)
    expect(parseKeys(bytes.slice(0, at), bytes.slice(at)), `${at}`).toEqual(keys);
  expect(parseKeys(...bytes.replace("\x1b[200~", "\x1b[2\x0000~").split("\0"))).toEqual(keys);
  // A mark in what is pasted does not end it.
  expect(parseKeys("\x1b[200~a\x1b[201~\r/quit\r\x1b[201~")).toEqual([{ kind: "paste", text: "a\n/quit" }]);
  // A terminal that sets no marks.
  expect(parseKeys("one\r/quit\r")).toEqual([{ kind: "paste", text: "one\n/quit" }]);
  expect(parseKeys("\x1b[200~", "x".repeat(300_000), "\x1b[201~")).toEqual([
    { kind: "paste", text: "x".repeat(131_072) },
  ]);
});

test("what was entered can be recalled; what began with a paste stays text", () => {
  const input = createInput();
  typeText(input, "/join ");
  pasteText(input, "token");
  expect(takeInput(input)).toEqual({ text: "/join token", isPasted: false });
  pasteText(input, "/quit");
  typeText(input, "!");
  expect(takeInput(input)).toEqual({ text: "/quit!", isPasted: true });
  expect(input.text).toBe("");
  recallInput(input, -1);
  expect([input.text, input.isPasted]).toEqual(["/quit!", true]);
  recallInput(input, -1);
  recallInput(input, -1);
  expect([input.text, input.isPasted]).toEqual(["/join token", false]);
  recallInput(input, 1);
  recallInput(input, 1);
  expect([input.text, input.isPasted]).toEqual(["", false]);
  pasteText(input, "x");
  eraseLast(input);
  typeText(input, "/help");
  expect(takeInput(input)).toEqual({ text: "/help", isPasted: false });
  for (let i = 0; i < 300; i += 1) {
    typeText(input, `${i}`);
    takeInput(input);
  }
  expect(input.entered).toHaveLength(100);
});

test("text of others cannot move the cursor, colour the screen or turn a line around", () => {
  expect(safeText("a\x1b[2Jb\x07\u202ec\r\nd\ud800")).toBe("a[2Jbc d\ufffd");
});

test("fit and wrap keep to their columns for wide and joined characters", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 2, max: 40 }), (text, columns) => {
      const shown = safeText(text);
      expect(width(fit(shown, columns))).toBe(columns);
      for (const line of wrap(shown, columns)) expect(width(line)).toBeLessThanOrEqual(columns);
    }),
  );
  expect(dropLast("a👩‍👧")).toBe("a");
});
