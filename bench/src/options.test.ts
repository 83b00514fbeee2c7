import { expect, test } from "vitest";
import { readOptions } from "./options.ts";
import { scenarios } from "./scenarios/index.ts";

const read = (...args: string[]) => readOptions(args, scenarios);

test("without options everything is run but what must be asked for; --quick is smaller", () => {
  expect(read()).toMatchObject({ size: { runs: 5, seconds: 3, quick: false }, write: false, nodes: [] });
  const all = read();
  if (all === "help") throw new Error("no help was asked for");
  expect(all.scenarios).toEqual(scenarios.filter(({ onRequest }) => onRequest !== true));
  expect(read("--quick")).toMatchObject({ size: { runs: 3, seconds: 0.7, quick: true } });
  expect(read("--help")).toBe("help");
});

test.each([
  [["--only", "send,history"], ["send", "history"], {}],
  [["--soak"], ["soak"], { soakMinutes: 30 }],
  [["--soak", "5"], ["soak"], { soakMinutes: 5 }],
  [["--soak", "--quick"], ["soak"], { soakMinutes: 30, quick: true }],
  [["--node", "/a/node,/b/node"], ["history", "list", "send-plain", "send", "group"], {}],
  [["--node", "/a/node", "--only", "list"], ["list"], {}],
])("%j chooses %j", (args, names, size) => {
  const options = read(...args);
  if (options === "help") throw new Error("no help was asked for");
  expect(options.scenarios.map(({ name }) => name)).toEqual(names);
  expect(options.size).toMatchObject(size);
});

test.each([
  [["--fast"], "Unknown option '--fast'; npm run bench -- --help shows what there is"],
  [["--json"], "Option '--json <value>' argument missing; npm run bench -- --help shows what there is"],
  [["histroy"], "Unexpected argument 'histroy'"],
  [["--only", "histroy"], 'there is no scenario "histroy", but history, list,'],
  [["--runs", "none"], "--runs is none, not a number from 1"],
  [["--seconds", "0"], "--seconds is 0, not a number from 0.1"],
])("%j is refused in words", (args, words) => {
  expect(() => read(...args)).toThrow(words);
});

test("scenarios and bars have names of their own", () => {
  const bars = scenarios.flatMap((scenario) => scenario.bars.map(({ what }) => what));
  for (const names of [bars, scenarios.map(({ name }) => name)]) expect(new Set(names).size).toBe(names.length);
});
