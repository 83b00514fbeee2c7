import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openHttp, type TestHttp } from "../../tests/fixtures/http-server.ts";

let http: TestHttp;
beforeAll(async () => {
  http = await openHttp({
    env: { ALLOWED_ORIGINS: "https://app.example" },
    handlers: { markRead: async ({ caller }) => ({ ok: true, cleared: caller.userId }) },
  });
});
afterAll(() => http[Symbol.asyncDispose]());

const messages = {
  missing_access_token: "Missing access token",
  invalid_access_token: "Invalid or expired token",
  invalid_authorization: "Invalid authorization format",
};

describe("bearer, then cookie, and the three 401 codes", () => {
  test.each<[string, Record<string, string>, keyof typeof messages | "in"]>([
    ["nothing", {}, "missing_access_token"],
    ["an empty header", { authorization: "" }, "missing_access_token"],
    ["an empty cookie", { cookie: "om_access=" }, "missing_access_token"],
    ["a good bearer", { authorization: "Bearer good" }, "in"],
    ["a good cookie", { cookie: "a=b; om_access=good" }, "in"],
    ["a bad bearer", { authorization: "Bearer bad" }, "invalid_access_token"],
    ["a bad cookie", { cookie: "om_access=bad" }, "invalid_access_token"],
    ["a good bearer and a bad cookie", { authorization: "Bearer good", cookie: "om_access=bad" }, "in"],
    [
      "a bad bearer and a good cookie",
      { authorization: "Bearer bad", cookie: "om_access=good" },
      "invalid_access_token",
    ],
    ["an empty header and a good cookie", { authorization: "", cookie: "om_access=good" }, "in"],
    ["lower-case bearer", { authorization: "bearer good" }, "invalid_authorization"],
    ["another scheme", { authorization: "Basic good" }, "invalid_authorization"],
    ["no scheme", { authorization: "good" }, "invalid_authorization"],
    ["two blanks", { authorization: "Bearer  good" }, "invalid_authorization"],
    ["a third part", { authorization: "Bearer good x" }, "invalid_authorization"],
    ["malformed beats a good cookie", { authorization: "Bearer", cookie: "om_access=good" }, "invalid_authorization"],
  ])("%s", async (_what, headers, expected) => {
    const answer = await http.call("POST", "/api/conversations/9/read", { headers });
    if (expected === "in") expect([answer.status, answer.json()]).toEqual([200, { ok: true, cleared: 7 }]);
    else expect([answer.status, answer.json()]).toMatchObject([401, { code: expected, error: messages[expected] }]);
  });
});

test("the query parameter token is not taken over HTTP", async () => {
  const answer = await http.call("POST", "/api/conversations/9/read?token=good");
  expect([answer.status, answer.json()["code"]]).toEqual([401, "missing_access_token"]);
});

test.each<[string, Record<string, string>, number, string]>([
  ["/ws?token=good", { origin: "https://evil.example" }, 403, "forbidden_origin"],
  ["/ws", {}, 401, "missing_access_token"],
  ["/ws?token=bad", {}, 401, "invalid_access_token"],
  ["/ws?token=bad&token=good", {}, 401, "invalid_access_token"],
  ["/ws?token=good", { authorization: "x" }, 401, "invalid_authorization"],
  ["/ws?token=good", { cookie: "om_access=bad" }, 401, "invalid_access_token"],
])("GET %s without upgrade, with %o: %i %s", async (path, headers, status, code) => {
  const answer = await http.call("GET", path, { headers });
  expect([answer.status, answer.json()["code"]]).toEqual([status, code]);
});

test.each<[string, Record<string, string>]>([
  ["/ws?token=good", {}],
  ["/WS/?gzip=1&token=good", { origin: "https://app.example" }],
  ["/ws", { cookie: "om_access=good" }],
  ["/ws", { authorization: "Bearer good" }],
])("GET %s without upgrade, let in: 426", async (path, headers) => {
  const answer = await http.call("GET", path, { headers });
  expect([answer.status, answer.text]).toEqual([426, "Upgrade Required"]);
});
