import { expect, test } from "vitest";
import { failureText, replyText } from "./failure-text.ts";

test.each([
  [Object.assign(new Error("connect ECONNREFUSED 10.0.0.1:6379"), { code: "ECONNREFUSED" }), "connection refused"],
  [new AggregateError([Object.assign(new Error("x"), { code: "ECONNREFUSED" })], ""), "connection refused"],
  [
    Object.assign(new Error("self-signed certificate"), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" }),
    "self-signed certificate",
  ],
  [Object.assign(new Error(""), { code: "ESTRANGE" }), "ESTRANGE"],
  [new AggregateError([], ""), "unknown error"],
])("%s is told as: %s", (error, text) => expect(failureText(error)).toBe(text));

test("an error reply is told without the arguments that it repeats", () => {
  const reply = "ERR unknown command 'X', with args beginning with: 'a\nb' 'c' ";
  expect(replyText(new Error(reply))).toBe("ERR unknown command 'X'");
  expect(replyText(new Error("WRONGTYPE Operation"))).toBe("WRONGTYPE Operation");
  expect(replyText(new Error("x".repeat(10_000)))).toHaveLength(300);
});
