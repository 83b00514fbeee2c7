import fc from "fast-check";
import { expect, test } from "vitest";
import { isReservedName, parseEmail, parseFullName, parseName, parseUsername } from "./names.ts";

test.each([
  "nika@example.org",
  "x@y",
  "first.last+tag@mail.example.org",
  "o'brien_{}|~!#$%&*/=?^`@example.org",
  '"quoted name"@example.org',
  String.raw`"a\"b"@example.org`,
  "user@[192.0.2.1]",
  "a_b@under_score.example",
  "پست@نمونه.ایران",
  `${"a".repeat(242)}@example.org`,
])("%s is a mailbox", (email) => expect(parseEmail(email)).toBe(email));

test.each([
  "",
  " ",
  "nika",
  "@example.org",
  "nika@",
  "nika@@example.org",
  "a@b@c",
  ".a@b",
  "a.@b",
  "a..b@c",
  "a@b.",
  "a@.b",
  "a b@c",
  "a@b c",
  "x <x@y>",
  "<x@y>",
  '"X" <x@y>',
  "a@b, c@d",
  "a@b (comment)",
  '"open@example.org',
  "a\0@b",
  "a\n@b",
  "a@b\r\nBcc: c@d",
  "\ud800@b",
  "a@\udfff",
  `${"a".repeat(243)}@example.org`,
  `${"é".repeat(122)}@example.org`,
])("%j is no mailbox", (email) => expect(() => parseEmail(email)).toThrow("Invalid email"));

test("an e-mail is trimmed and lower-cased", () => {
  expect(parseEmail("  Nika.R@Example.ORG\n")).toBe("nika.r@example.org");
});

test("no text takes long to judge", () => {
  for (const part of ["a.", '"\\', "a@", "[", ".@"]) {
    expect(() => parseEmail(part.repeat(4_000_000 / part.length))).toThrow("Invalid email");
    expect(() => parseEmail(part.repeat(127))).toThrow("Invalid email");
  }
});

test.each(["abc", "Nika_R", "0123456789", "x".repeat(32), "  trimmed  "])("username %j passes", (name) =>
  expect(parseUsername(name)).toBe(name.trim()),
);

test.each(["", "ab", "x".repeat(33), "a b", "a-b", "näme", "abc\0", "ab\ud800c", "abc\nabc", "   "])(
  "username %j is refused",
  (name) => expect(() => parseUsername(name)).toThrow("Invalid username"),
);

test("names of users and groups are letters, digits and _ of ASCII: not one character of any other script passes", () => {
  const passing: string[] = [];
  for (let code = 0; code <= 0x10_ffff; code++) {
    const character = String.fromCodePoint(code);
    if (parseName(`a${character}bc`) !== undefined) passing.push(character);
  }
  expect(passing.join("")).toBe("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz");
});

test("a full name is trimmed, composed and cut to 128 characters; what is no text is refused", () => {
  expect(parseFullName("  Nika R ")).toBe("Nika R");
  expect(parseFullName("e\u0301".repeat(130))).toBe("é".repeat(128));
  expect(parseFullName("😀".repeat(129))).toBe("😀".repeat(128));
  expect(parseFullName("a\0b")).toBe("a\ufffdb");
  expect(() => parseFullName("a\ud800")).toThrow("Invalid request body");
});

test("a full name always fits and is always text that a database holds", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
      const name = parseFullName(text.toWellFormed());
      expect(Array.from(name).length).toBeLessThanOrEqual(128);
      expect(name).toBe(name.normalize("NFC"));
      expect(name).not.toContain("\0");
    }),
  );
});

test.each(["admin", "Support", "SYSTEM", "mod_erator", "deleted_7", "me"])("%s is nobody's name to take", (name) =>
  expect(isReservedName(name)).toBe(true),
);
test.each(["nika", "administrata", "deleted_x", "men_"])("%s is free", (name) =>
  expect(isReservedName(name)).toBe(false),
);
