import { Readable } from "node:stream";
import { expect, test } from "vitest";
import type { Actions } from "./actions.ts";
import { startLineMode } from "./line-mode.ts";
import { conversationOfGroup, createModel, notify } from "./model.ts";

function start(input: string, enter: Actions["enter"]) {
  const model = createModel({ id: 1, name: "ada" });
  const printed: string[] = [];
  const drains: number[] = [];
  const entered: string[] = [];
  const actions = {
    enter: (text: string) => {
      entered.push(text);
      return enter(text);
    },
  } as Actions;
  const lines = startLineMode({
    model,
    actions,
    input: Readable.from([input]),
    print: (line) => void printed.push(line),
    drained: () => Promise.resolve(void drains.push(entered.length)),
  });
  return { model, lines, printed, drains, entered };
}

const done = (): Promise<boolean> => Promise.resolve(true);

test("what is printed is cleaned: group names, names, texts, notices, lists", async () => {
  const { model, lines, printed } = start("", done);
  const evil = "\x1b]0;OWNED\x07\x1b]52;c;Y3VybA==\x07\x9b2J";
  const group = conversationOfGroup(model, { id: 3, name: evil });
  group.lines.push({ id: 1, seq: 1, clientId: "", mine: false, name: evil, text: `${evil}hi`, at: 0 });
  notify(model, `you are no longer in ${evil}`);
  model.sheet = [evil];
  lines.show(group);
  const clean = "]0;OWNED]52;c;Y3VybA==2J";
  expect(printed).toEqual([`* you are no longer in ${clean}`, `* ${clean}`, `${clean}/${clean}: ${clean}hi`]);
  lines.show(group);
  expect(printed).toHaveLength(3);
  await lines.ended;
});

test("commands wait for what was sent before them, and only so many lines run ahead of the server", async () => {
  const { lines, drains } = start(`a\nb\n/leave\n${"x\n".repeat(1_000)}`, done);
  await lines.ended;
  expect(drains).toEqual([2, 502, 1_002, 1_003]);
  expect(lines.isDone()).toBe(true);
});

test("it is not done when a line was not carried out, a message was refused, or nothing was sent to whom it is open to", async () => {
  const failing = start("a\nb\n", (text) => Promise.resolve(text !== "a"));
  await failing.lines.ended;
  expect(failing.lines.isDone()).toBe(false);
  const refused = start("a\n", done);
  refused.model.refused = 1;
  await refused.lines.ended;
  expect(refused.lines.isDone()).toBe(false);
  const silent = start("", done);
  await silent.lines.ended;
  expect(silent.lines.isDone()).toBe(true);
  silent.model.openId = "user_2";
  expect(silent.lines.isDone()).toBe(false);
});
