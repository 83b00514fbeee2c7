import { expect, test } from "vitest";
import { createLogger, loggedPath } from "./logger.ts";

function logged(...line: [object, string]): string {
  let text = "";
  createLogger("info", { write: (chunk) => void (text += chunk) }).info(...line);
  return text;
}

const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyX2lkIjo3fQ.c2lnbmF0dXJl";

test("no secret is logged, by key, in a nested object, in a text or in an error", () => {
  const lines = [
    logged({ token: "s3cret", password: "s3cret", cookie: "s3cret", authorization: "s3cret" }, "x"),
    logged({ request: { headers: { cookie: "s3cret" }, refresh_token: "s3cret", "set-cookie": "s3cret" } }, "x"),
    logged({ url: `/ws?gzip=1&token=s3cret&b=1` }, `GET /ws?token=s3cret`),
    logged({ err: new Error(`failed at /ws?token=s3cret with ${jwt}`) }, `caller ${jwt}`),
  ];
  for (const line of lines) {
    expect(line).not.toContain("s3cret");
    expect(line).not.toContain("c2lnbmF0dXJl");
    expect(line).toContain("[redacted]");
    expect(() => void JSON.parse(line)).not.toThrow();
  }
});

test.each([
  ["/api/users/search?q=abc", "/api/users/search"],
  ["/ws?token=a.b.c&gzip=1", "/ws"],
  ["/ws#token=a.b.c", "/ws"],
  ["/api/join/s3cret", "/api/join/[redacted]"],
  ["/API/Join/s3cret/?x", "/API/Join/[redacted]"],
  ["/join/s3cret", "/join/[redacted]"],
  ["/api/groups/7/invite-links/s3cret", "/api/groups/7/invite-links/[redacted]"],
  ["/api/groups/7/invite-links", "/api/groups/7/invite-links"],
])("%s is logged as %s", (url, shown) => expect(loggedPath(url)).toBe(shown));

test("every line says by name how grave it is, when it was, which process wrote it and of which version that is", () => {
  const line = JSON.parse(logged({ a: 1 }, "x")) as Record<string, unknown>;
  expect(line).toEqual({
    level: "info",
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
    node: expect.stringMatching(/^\S+\/\d+$/) as string,
    version: expect.stringMatching(/^\d+\.\d+\.\d+$/) as string,
    a: 1,
    msg: "x",
  });
});

test("of an error of PostgreSQL no value is logged, and what is behind an error is", () => {
  const details = { code: "22P02", severity: "ERROR", detail: "s3cret", where: "s3cret" };
  const behind = Object.assign(new Error('invalid input syntax: "s3cret"'), details);
  const line = logged({ err: new Error("it failed", { cause: behind }) }, "x");
  expect(line).not.toContain("s3cret");
  expect(JSON.parse(line)).toMatchObject({
    err: { type: "Error", message: "it failed", cause: { code: "22P02", message: "a value cannot be used" } },
  });
});
