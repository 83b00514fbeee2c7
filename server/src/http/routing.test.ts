import { connect } from "node:net";
import { once } from "node:events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openHttp, type TestHttp } from "../../tests/fixtures/http-server.ts";
import { jsonText } from "../platform/json-text.ts";

const user = { id: 7, username: "", email: "", full_name: "", avatar: "", role: "", is_online: false, last_seen: null };
let http: TestHttp;

beforeAll(async () => {
  http = await openHttp({
    echo: true,
    handlers: {
      csrf: async () => ({ ok: true }),
      checkUsername: async () => ({ available: true }),
      user: async ({ params }) => ({ user: { ...user, username: params["identifier"] ?? "" } }),
      // Shows the query that arrived.
      searchUsers: async ({ query }) => jsonText(JSON.stringify(query)),
      history: async () => jsonText(Buffer.from('{"count":0,"messages":[]}')),
      me: async () => ({ body: { user }, etag: "u-7-123" }),
    },
  });
});
afterAll(() => http[Symbol.asyncDispose]());

const bearer = { authorization: "Bearer good" };
const shownName = async (path: string): Promise<unknown> => {
  const answer = await http.call("GET", path, { headers: bearer });
  return (answer.json()["user"] as { username: string }).username;
};

test("an unknown path inside /api asks for a token first", async () => {
  for (const path of ["/api/nope", "/api", "/API/Nope/", "/api/auth/nope", "/api/users/a/b"]) {
    const answer = await http.call("GET", path);
    expect([path, answer.status, answer.json()["code"]]).toEqual([path, 401, "missing_access_token"]);
  }
});

test("an unknown path inside /api with a token is 404 text with the path escaped", async () => {
  const answer = await http.call("PATCH", "/api/<b>&'nope'/?x=1", { headers: bearer });
  expect(answer.status).toBe(404);
  expect(answer.headers["content-type"]).toBe("text/plain; charset=utf-8");
  expect(answer.text).toBe("Cannot PATCH /api/&lt;b&gt;&amp;&#39;nope&#39;/");
});

test("an unknown path outside /api is 404 without a token", async () => {
  const answer = await http.call("GET", "/nope");
  expect([answer.status, answer.text]).toEqual([404, "Cannot GET /nope"]);
});

test.each([
  ["DELETE", "/api/users/me", "GET, HEAD, PUT"],
  ["PUT", "/api/messages", "GET, HEAD, POST"],
  ["GET", "/api/auth/login", "POST"],
  ["OPTIONS", "/api/conversations", "GET, HEAD"],
  ["POST", "/health", "GET, HEAD"],
  ["POST", "/ws", "GET, HEAD"],
  ["POST", "/API/Users/Me/", "GET, HEAD, PUT"],
])("wrong method: %s %s is 405 with Allow: %s", async (method, path, allow) => {
  const answer = await http.call(method, path, { headers: bearer });
  const methods = new Set((answer.headers.allow ?? "").split(", "));
  expect([answer.status, answer.text, methods]).toEqual([405, "Method Not Allowed", new Set(allow.split(", "))]);
});

test("HEAD answers on GET routes with the same headers and no body", async () => {
  const get = await http.call("GET", "/api/users/check-username?username=x");
  const head = await http.call("HEAD", "/api/users/check-username?username=x");
  expect([head.status, head.text]).toEqual([200, ""]);
  expect(head.headers["content-length"]).toBe(get.headers["content-length"]);
  expect((await http.call("HEAD", "/health")).status).toBe(200);
});

test("JSON answers carry no charset", async () => {
  const answer = await http.call("GET", "/api/auth/csrf");
  expect(answer.headers["content-type"]).toBe("application/json");
});

test("trailing slashes are ignored, also before a query that ends with one", async () => {
  expect((await http.call("GET", "/api/auth/csrf/")).status).toBe(200);
  expect((await http.call("GET", "/api/auth/csrf////")).status).toBe(200);
  const answer = await http.call("GET", "/api/users/search//?q=a/", { headers: bearer });
  expect(answer.json()).toEqual({ q: "a/" });
});

test("paths are compared without case, parameters keep theirs", async () => {
  expect((await http.call("GET", "/API/Auth/CSRF")).status).toBe(200);
  expect(await shownName("/Api/USERS/NikaR")).toBe("NikaR");
});

test("path parameters are not percent-decoded, and a broken escape breaks nothing", async () => {
  expect(await shownName("/api/users/a%41b")).toBe("a%41b");
  expect(await shownName("/api/users/%zz")).toBe("%zz");
  expect(await shownName("/api/users/a#b")).toBe("a#b");
});

test("a path parameter may be as long as a header", async () => {
  expect(await shownName(`/api/users/${"9".repeat(8000)}`)).toBe("9".repeat(8000));
});

test("an escaped path is not the path, so no rule can be walked around", async () => {
  const answer = await http.call("GET", "/%61pi/auth/csrf", { headers: { origin: "https://evil.example" } });
  expect(answer.status).toBe(404);
});

test("an absolute address is held to the same rules", async () => {
  const headers = { origin: "https://evil.example" };
  expect((await http.call("GET", "http://localhost/api/auth/csrf", { headers })).status).toBe(403);
  expect((await http.call("GET", "http://localhost/api/auth/csrf")).status).toBe(200);
});

test("of a query parameter the first value counts", async () => {
  const path = "/api/users/search?q=a+b&q=c&limit=%00&x=%ed%a0%80&__proto__=1&constructor=2";
  const answer = await http.call("GET", path, { headers: bearer });
  expect(JSON.parse(answer.text)).toEqual(
    JSON.parse('{"q":"a b","limit":"\\u0000","x":"\ufffd\ufffd\ufffd","__proto__":"1","constructor":"2"}'),
  );
});

test("the request id is echoed, in the header and in errors", async () => {
  const answer = await http.call("GET", "/api/users/me", { headers: { "x-request-id": "abc 1" } });
  expect(answer.headers["x-request-id"]).toBe("abc 1");
  expect(answer.json()["request_id"]).toBe("abc 1");
});

test("a request without id, or with an id that is too long or unprintable, gets one", async () => {
  for (const headers of [{}, { "x-request-id": "x".repeat(201) }, { "x-request-id": "a\u00ffb" }]) {
    const answer = await http.call("GET", "/health", { headers });
    expect(answer.headers["x-request-id"]).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  }
});

test("an answer that is JSON text already goes out as it is", async () => {
  const answer = await http.call("GET", "/api/messages", { headers: bearer });
  expect([answer.text, answer.headers["content-type"]]).toEqual(['{"count":0,"messages":[]}', "application/json"]);
});

test.each([
  ['W/"u-7-123"', 304],
  ['"u-7-123"', 304],
  ["u-7-123", 304],
  ['"other", w/"u-7-123"', 304],
  ['W/"u-7-12"', 200],
  ["*", 200],
  ["", 200],
])("users/me with If-None-Match %s is %i", async (tag, status) => {
  const answer = await http.call("GET", "/api/users/me", { headers: { ...bearer, "if-none-match": tag } });
  expect(answer.status).toBe(status);
  expect(answer.headers.etag).toBe('W/"u-7-123"');
  expect(answer.headers["cache-control"]).toBe("private, max-age=0, must-revalidate");
  expect(answer.text === "").toBe(status === 304);
});

test("bytes that are no HTTP get 400 and the connection ends", async () => {
  const socket = connect(http.port, "127.0.0.1");
  socket.end("NONSENSE\r\n\r\n");
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  await once(socket, "close");
  expect(text).toMatch(/^HTTP\/1\.1 400 /);
});
