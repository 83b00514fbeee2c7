import fc from "fast-check";
import { expect, test } from "vitest";
import { parseKeys } from "./keys.ts";
import { dropLast, fit, safeText, width, wrap } from "./text.ts";

test("keys, pasted text and unknown sequences are told apart", () => {
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
      // oxlint-disable-next-line no-control-regex
      for (const key of parseKeys(input)) if (key.kind === "text") expect(key.text).not.toMatch(/[\x00-\x1f\x7f]/);
    }),
  );
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
