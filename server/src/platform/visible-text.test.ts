import { expect, test } from "vitest";
import { cleanLines, cleanName } from "./visible-text.ts";

test.each([
  ["a Persian name keeps its joiner", "می\u200cنا", "می\u200cنا"],
  ["a family of emoji keeps its joiners", "👨\u200d👩\u200d👧 ❤\ufe0f", "👨\u200d👩\u200d👧 ❤\ufe0f"],
  ["a flag keeps its tags", "🏴\u{e0067}\u{e0062}\u{e007f}", "🏴\u{e0067}\u{e0062}\u{e007f}"],
  ["spaces stay", " a  b ", " a  b "],
  ["one form of composing", "Jose\u0301", "José"],
  ["line feeds are spaces", "ali\r\n\n\u2028System:\tx", "ali System: x"],
  ["an escape", "ali\u001b[2J\u009b1m\0", "ali[2J1m"],
  ["direction", "ali\u202eexe.gpj\u2066\u200f\u061c", "aliexe.gpj"],
  ["what is torn", "a\ud800", "a\ufffd"],
])("%s", (_what, name, clean) => expect(cleanName(name)).toBe(clean));

test("what shows nothing is no name", () => {
  for (const name of [
    "",
    " \u00a0",
    "\u200b",
    "\u2060\ufeff",
    "\u3164\uffa0\u115f",
    "\u2800",
    "\u00ad",
    "\u200c\u200d",
    "\ufe0f\u{e0061}",
    "\u034f\n",
  ])
    expect([name, cleanName(name)]).toEqual([name, ""]);
});

test("a text of several lines keeps them", () => {
  expect(cleanLines("one\r\ntwo\u202e\n\nthree\u0007")).toBe("one\ntwo\n\nthree");
  expect(cleanLines("\n\u200b\n")).toBe("");
});
