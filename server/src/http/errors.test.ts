import { afterEach, expect, test } from "vitest";
import { OmError } from "../platform/om-error.ts";
import { DatabaseUnavailable } from "../platform/postgres/database.ts";
import { TooMany } from "../platform/rate-limit.ts";
import { openHttp, type TestHttp } from "../../tests/fixtures/http-server.ts";

let http: TestHttp | undefined;
afterEach(() => http?.[Symbol.asyncDispose]());

async function answerTo(error: unknown, path: "/api/messages" | "/api/users/search?q=x") {
  const failing = async (): Promise<never> => {
    throw error;
  };
  http = await openHttp({ handlers: { history: failing, searchUsers: failing } });
  const headers = { authorization: "Bearer good", "x-request-id": "r1" };
  return http.call("GET", path, { headers });
}

test("a refusal of the table: its status, text and code, and nothing is reported", async () => {
  const answer = await answerTo(new OmError("user_not_found"), "/api/messages");
  expect(answer.status).toBe(404);
  expect(answer.text).toBe('{"error":"User not found","code":"user_not_found","request_id":"r1"}');
  expect(http?.failures).toEqual([]);
});

test("a refusal with a text of its own", async () => {
  const answer = await answerTo(new OmError("registration_failed", "email already exists"), "/api/messages");
  expect([answer.status, answer.json()["error"]]).toEqual([400, "email already exists"]);
});

test.each([
  ["/api/messages", "fetch_messages_failed"],
  ["/api/users/search?q=x", "internal_error"],
] as const)("a defect behind %s is 500 %s: reported once with its id, its text stays inside", async (path, code) => {
  const defect = new Error("secret text");
  const answer = await answerTo(defect, path);
  expect([answer.status, answer.json()]).toEqual([500, { error: "Internal server error", code, request_id: "r1" }]);
  expect(http?.failures).toMatchObject([{ id: "r1", error: defect }]);
});

test.each([["a text"], [undefined], [null], [{ statusCode: "400" }], [{ statusCode: 599 }]])(
  "%o thrown is a defect too",
  async (thrown) => {
    expect((await answerTo(thrown, "/api/users/search?q=x")).status).toBe(500);
  },
);

test("an outage of the database is 503 with Retry-After on every route", async () => {
  const answer = await answerTo(new DatabaseUnavailable(new Error("connect ECONNREFUSED")), "/api/messages");
  expect([answer.status, answer.json()["code"], answer.headers["retry-after"]]).toEqual([503, "unavailable", "1"]);
  expect(answer.text).not.toContain("ECONNREFUSED");
  expect(http?.failures).toHaveLength(1);
});

test("too many attempts say when to come back", async () => {
  const answer = await answerTo(new TooMany("too_many_attempts", 77), "/api/messages");
  expect([answer.status, answer.json()["code"], answer.headers["retry-after"]]).toEqual([
    429,
    "too_many_attempts",
    "77",
  ]);
});

test("an outage while the token is checked is 503 too", async () => {
  http = await openHttp({ verify: () => Promise.reject(new DatabaseUnavailable("down")) });
  const answer = await http.call("GET", "/api/users/me", { headers: { authorization: "Bearer x" } });
  expect(answer.status).toBe(503);
});
