import { expect, test } from "vitest";
import { createIssues } from "./issues.ts";
import { createProgress } from "./progress.ts";

function recorder(isTTY: boolean): { isTTY: boolean; text: string; write(text: string): void } {
  return {
    isTTY,
    text: "",
    write(text) {
      this.text += text;
    },
  };
}

test("without a terminal: a line for every tenth, and one at the end", () => {
  const output = recorder(false);
  const progress = createProgress(output);
  progress.start("messages", 2_000);
  for (let i = 0; i < 2_000; i += 50) progress.advance(50);
  progress.finish();
  const lines = output.text.trim().split("\n");
  expect(lines[0]).toBe("messages: 0 %, 0 of 2,000");
  expect(lines[5]).toBe("messages: 50 %, 1,000 of 2,000");
  expect(lines.at(-1)).toBe("messages: done, 2,000 of 2,000");
  expect(lines).toHaveLength(12);
});

test("on a terminal: one bar that is drawn over itself", () => {
  const output = recorder(true);
  const progress = createProgress(output);
  progress.start("users", 4);
  progress.advance(2);
  progress.advance(2);
  progress.finish();
  expect(output.text.split("\n")).toHaveLength(2);
  expect(output.text).toContain(`\r\u001b[Kusers          ${"█".repeat(15)}${"░".repeat(15)} 2 of 4`);
  expect(output.text.endsWith(`${"█".repeat(30)} 4 of 4\n`)).toBe(true);
});

test("a step of unknown size shows no share that it does not know", () => {
  const output = recorder(false);
  const progress = createProgress(output);
  progress.start("sessions", 0);
  progress.advance(7);
  progress.finish();
  expect(output.text).toBe("sessions: 0 %\nsessions: done, 7\n");
});

test("issues count everything and keep ten examples", () => {
  const issues = createIssues();
  issues.addMany("message_deleted", 1_000, [1, 2, 3, 4, 5, 6, 7, 8]);
  issues.addMany("message_deleted", 5, [9, 10, 11, 12, 13]);
  issues.add("user_closed", 3);
  expect(issues.list().map(({ reason, count }) => [reason, count])).toEqual([
    ["user_closed", 1],
    ["message_deleted", 1_005],
  ]);
  expect(issues.list()[1]?.examples).toEqual(["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
});
