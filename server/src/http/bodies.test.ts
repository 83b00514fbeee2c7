import { request as send } from "node:http";
import { limits } from "@om/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openHttp, type Answer, type TestHttp } from "../../tests/fixtures/http-server.ts";
import { jsonText } from "../platform/json-text.ts";

let http: TestHttp;

beforeAll(async () => {
  http = await openHttp({
    env: { ALLOWED_ORIGINS: "https://app.example" },
    echo: true,
    handlers: {
      // They show the body that arrived.
      send: async ({ body }) => jsonText(JSON.stringify(body)),
      sync: async ({ body }) => jsonText(JSON.stringify(body)),
      updateMe: async ({ body }) => jsonText(JSON.stringify(body)),
      logout: async () => ({ ok: true }),
    },
  });
});
afterAll(() => http[Symbol.asyncDispose]());

const bearer = { authorization: "Bearer good" };
const json = { ...bearer, "content-type": "application/json" };
const post = (body: unknown, headers: Record<string, string> = json): Promise<Answer> =>
  http.call("POST", "/api/messages", { headers, body });
const refused = { status: 400, code: "invalid_request_body" };
const shown = (answer: Answer) => ({ status: answer.status, code: answer.json()["code"] });

test("missing content type is invalid_request_body", async () => {
  expect(shown(await post('{"content":"x"}', bearer))).toEqual(refused);
});

test.each([
  "text/plain",
  "application/xml",
  "application/x-www-form-urlencoded",
  "multipart/form-data",
  "garbage",
  ";json",
  "json/x",
])("content type %s is invalid_request_body", async (type) => {
  expect(shown(await post('{"content":"x"}', { ...bearer, "content-type": type }))).toEqual(refused);
});

test.each([
  "application/json",
  "application/json; charset=utf-8",
  "APPLICATION/JSON",
  "application/problem+json",
  "text/json",
])("content type %s is JSON", async (type) => {
  expect((await post('{"content":"x"}', { ...bearer, "content-type": type })).json()).toEqual({ content: "x" });
});

test.each(["gzip", "deflate", "br", "x"])("content encoding %s is invalid_request_body", async (encoding) => {
  expect(shown(await post("{}", { ...json, "content-encoding": encoding }))).toEqual(refused);
});

test.each([
  ["an empty body", ""],
  ["malformed JSON", '{"content":'],
  ["trailing garbage", "{} x"],
  ["a byte order mark", "\ufeff{}"],
  ["a text", '"x"'],
  ["a list", "[]"],
  ["a number for a text", '{"content":1}'],
  ["a text for a number", '{"recipient_id":"9"}'],
  ["a negative id", '{"recipient_id":-1}'],
  ["a fraction for an id", '{"recipient_id":1.5}'],
  ["an id beyond what JavaScript holds", '{"recipient_id":9007199254740993}'],
  ["NUL bytes", "\0\0"],
  ["brackets without end", "[".repeat(1_000_000)],
])("%s is invalid_request_body", async (_what, body) => {
  expect(shown(await post(body))).toEqual(refused);
});

test.each([
  ["the body null", "null", {}],
  ["null fields", '{"content":null}', { content: null }],
  ["unknown fields", '{"x":1,"content":"a"}', { x: 1, content: "a" }],
  ["a field twice: the last counts", '{"content":"a","content":"b"}', { content: "b" }],
  ["blanks around", ' \n{"content":"a"}\t', { content: "a" }],
])("%s passes", async (_what, body, expected) => {
  const answer = await post(body);
  expect([answer.status, answer.json()]).toEqual([201, expected]);
});

test("a body of an array of objects is checked inside", async () => {
  const sync = (body: unknown) => http.call("POST", "/api/messages/sync", { headers: bearer, body });
  expect((await sync({ conversations: [{ conversation_id: "user_1", last_message_id: 3 }] })).status).toBe(200);
  expect(shown(await sync({ conversations: [{ conversation_id: 1 }] }))).toEqual(refused);
  expect(shown(await sync({ conversations: {} }))).toEqual(refused);
});

test("the body is judged after the token and after CSRF", async () => {
  expect((await post("{", { "content-type": "application/json" })).json()["code"]).toBe("missing_access_token");
  const headers = { cookie: "om_access=good", origin: "https://app.example", "content-type": "application/json" };
  expect((await post("{", headers)).json()["code"]).toBe("csrf_required");
});

test("a route that reads no body takes any", async () => {
  for (const type of ["garbage", "text/plain", "application/json"]) {
    const answer = await http.call("POST", "/api/auth/logout", { headers: { "content-type": type }, body: "{x" });
    expect([type, answer.status]).toEqual([type, 200]);
  }
});

test("a body of exactly the limit is read, one byte more is 413 text and the connection closes", async () => {
  const around = '{"content":""}'.length;
  const full = JSON.stringify({ content: "x".repeat(limits.bodyBytes - around) });
  expect((await post(full)).status).toBe(201);
  const answer = await post(`${full} `);
  expect([answer.status, answer.text, answer.headers.connection]).toEqual([413, "Request Entity Too Large", "close"]);
});

test("a chunked body is counted as it comes", async () => {
  const options = { host: "127.0.0.1", port: http.port, method: "POST", path: "/api/messages", headers: json };
  const status = await new Promise((resolve, reject) => {
    const outgoing = send({ ...options, agent: false }, (incoming) => resolve(incoming.resume().statusCode));
    // The server may close while the rest is still being written.
    outgoing.on("error", reject);
    for (let sent = 0; sent <= limits.bodyBytes; sent += 1024 * 1024) outgoing.write(Buffer.alloc(1024 * 1024));
  });
  expect(status).toBe(413);
});

test("a client that goes away in the middle of its body is no failure of ours", async () => {
  const options = { host: "127.0.0.1", port: http.port, method: "POST", path: "/api/messages", agent: false };
  const outgoing = send({ ...options, headers: { ...json, "content-length": "1000" } });
  outgoing.on("error", () => undefined);
  await new Promise<void>((resolve) => outgoing.write("{", () => resolve()));
  outgoing.destroy();
  expect((await post("{}")).status).toBe(201);
  expect(http.failures).toEqual([]);
});

test("D-50: slow senders and idle connections have deadlines", () => {
  const { headersTimeout, requestTimeout, keepAliveTimeout } = http.server;
  expect({ headersTimeout, requestTimeout, keepAliveTimeout }).toEqual({
    headersTimeout: 15_000,
    requestTimeout: 30_000,
    keepAliveTimeout: 65_000,
  });
});
