import { expect, test } from "vitest";
import { parseArguments, ReleaseError } from "./parse-release.ts";

const line = (text: string): string[] => text.split(" ").filter((part) => part !== "");
const good = "--platform android --version 1.2.0 --build 12 --url https://x.example/app.apk";

test("what is not said is empty, false and 0", () => {
  expect(parseArguments(line(good))).toEqual({
    platform: "android",
    version: "1.2.0",
    build: 12,
    url: "https://x.example/app.apk",
    changelog: "",
    force: false,
    minBuild: 0,
  });
});

test("everything is read, and text is cleaned", () => {
  const args = [...line(`${good} --force --min-build 12 --changelog`), "new:\na\0b \ud800"];
  expect(parseArguments(args)).toMatchObject({ force: true, minBuild: 12, changelog: "new:\na\ufffdb \ufffd" });
});

test.each([
  ["", "help"],
  ["--help", "help"],
  ["-h --platform x", "help"],
  ["--list", "list"],
])("%j is %s", (text, expected) => {
  expect(parseArguments(line(text))).toBe(expected);
});

test.each([
  [good.replace("android", "mac"), "--platform must be one of android, ios, web"],
  [good.replace("--platform android", ""), "--platform must be one of android, ios, web"],
  [good.replace("1.2.0", "v".repeat(21)), "--version must be"],
  [good.replace("1.2.0", "1;2"), "--version must be"],
  [good.replace("--version 1.2.0", ""), "--version must be"],
  [good.replace("12", "0"), "--build must be"],
  [good.replace("12", "1.5"), "--build must be"],
  [good.replace("12", "9007199254740993"), "--build must be"],
  [good.replace("--build 12", ""), "--build must be"],
  [`${good} --min-build 13`, "--min-build must be"],
  [`${good} --min-build x`, "--min-build must be"],
  [good.replace("https:", "ftp:"), "--url must be"],
  [good.replace("https:", "javascript:"), "--url must be"],
  [good.replace("x.example", ""), "--url must be"],
  [good.replace("app.apk", "a".repeat(2000)), "--url must be"],
  [`${good} --changelog ${"x".repeat(20_001)}`, "--changelog must not be longer"],
  [`${good} --bogus`, "Unknown option '--bogus'"],
  [`${good} more`, "Unexpected argument 'more'"],
  [`${good} --changelog`, "Option '--changelog <value>' argument missing"],
  [`${good} --force=1`, "Option '--force' does not take an argument"],
])("%s: %s", (text, message) => {
  expect(() => parseArguments(line(text))).toThrow(ReleaseError);
  expect(() => parseArguments(line(text))).toThrow(message);
});
