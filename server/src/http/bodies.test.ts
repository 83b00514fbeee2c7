import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { request as send } from "node:http";
import { connect } from "node:net";
import { limits, maxBodyBytes, routes, type RouteName } from "@om/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openHttp, type Answer, type TestHttp } from "../../tests/fixtures/http-server.ts";
import { jsonText } from "../platform/json-text.ts";
import { transferLimits } from "./transfers.ts";

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
  ["brackets without end", "[".repeat(200_000)],
  ["brackets within brackets", `{"content":"a","z":${"[".repeat(1000)}${"]".repeat(1000)}}`],
])("%s is invalid_request_body", async (_what, body) => {
  expect(shown(await post(body))).toEqual(refused);
});

test.each([
  ["the body null", "null", {}],
  ["null fields", '{"content":null}', { content: null }],
  ["unknown fields", '{"x":1,"content":"a"}', { x: 1, content: "a" }],
  ["a field twice: the last counts", '{"content":"a","content":"b"}', { content: "b" }],
  ["many brackets in a text", `{"content":"\\"${"[".repeat(1000)}\\\\"}`, { content: `"${"[".repeat(1000)}\\` }],
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

test("a body of exactly the limit is read, one byte more is 413 text", async () => {
  const around = '{"content":""}'.length;
  const full = JSON.stringify({ content: "x".repeat(limits.messageBodyBytes - around) });
  expect((await post(full)).status).toBe(201);
  const answer = await post(`${full} `);
  expect([answer.status, answer.text]).toEqual([413, "Request Entity Too Large"]);
});

test("each route takes what may be meant, any legal text and a whole sync, and little without a token", async () => {
  const bytesOf = (name: RouteName) => maxBodyBytes(routes[name]);
  expect([bytesOf("login"), bytesOf("createGroup"), bytesOf("logout")]).toEqual([4096, 16_384, undefined]);
  const legal = `"${"\\ud83d\\ude00".repeat(16_000)}"`;
  const client = randomUUID();
  expect((await post(`{"recipient_id":9,"client_id":"${client}","content":${legal}}`)).status).toBe(201);
  const conversations = Array.from({ length: limits.syncConversations }, (_, i) => ({
    conversation_id: `group_${2 ** 52 + i}`,
    last_message_id: 2 ** 52,
  }));
  const sync = await http.call("POST", "/api/messages/sync", { headers: bearer, body: { conversations, limit: 200 } });
  expect(sync.status).toBe(200);
  // Anonymous routes alone are small, and no route takes megabytes.
  const sizes = (Object.keys(routes) as RouteName[])
    .filter((name) => !("upload" in routes[name]))
    .map((name) => bytesOf(name) ?? 0);
  expect(Math.max(...sizes)).toBe(limits.syncBodyBytes);
});

test("a text grows with MAX_MESSAGE_LENGTH", async () => {
  await using long = await openHttp({
    env: { MAX_MESSAGE_LENGTH: "100000" },
    echo: true,
    handlers: { send: async () => jsonText("{}") },
  });
  const body = { content: "\u0001".repeat(100_000) };
  expect((await long.call("POST", "/api/messages", { headers: bearer, body })).status).toBe(201);
});

/** Sends a head that announces a body, and none of the body; resolves with the answer's status line. */
async function announced(path: string, method = "POST", authorization = "Bearer good"): Promise<string> {
  const socket = connect(http.port, "127.0.0.1");
  socket.write(
    `${method} ${path} HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\ncontent-type: application/json\r\ncontent-length: ${8 << 20}\r\n\r\n`,
  );
  const [data] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  return data.toString().split("\r\n", 1)[0] ?? "";
}

test.each([
  ["an unknown path", "/nothing", "POST", "404 Not Found"],
  ["an unknown path below /api", "/api/nothing", "POST", "404 Not Found"],
  ["a wrong method", "/api/conversations", "POST", "405 Method Not Allowed"],
  ["a wrong method of an operators' path", "/health", "POST", "405 Method Not Allowed"],
  ["what is too large", "/api/auth/login", "POST", "413 Payload Too Large"],
  ["a body that nobody reads", "/api/auth/logout", "POST", "200 OK"],
])("%s is answered before any of the body is there", async (_what, path, method, status) => {
  expect(await announced(path, method)).toBe(`HTTP/1.1 ${status}`);
});

test("a wrong token is told so before any of the body is there", async () => {
  expect(await announced("/api/messages", "POST", "Bearer bad")).toBe("HTTP/1.1 401 Unauthorized");
});

test.each([
  ["a client that reads only when it has sent all", ""],
  ["one that wants the connection closed after it", "connection: close\r\n"],
])("413 arrives at %s, because the rest of its body is dropped", async (_what, header) => {
  const socket = connect(http.port, "127.0.0.1");
  const size = 5_000_000;
  socket.pause();
  socket.write(
    `POST /api/auth/login HTTP/1.1\r\nhost: x\r\n${header}content-type: application/json\r\ncontent-length: ${size}\r\n\r\n`,
  );
  await new Promise((resolve) => socket.write(Buffer.alloc(size, "x"), resolve));
  let text = "";
  socket.on("data", (data) => (text += data.toString())).resume();
  await expect.poll(() => text).toMatch(/^HTTP\/1\.1 413 [^]*Request Entity Too Large$/);
  if (header !== "") return expect.poll(() => socket.closed).toBe(true);
  text = "";
  socket.write("GET /health HTTP/1.1\r\nhost: x\r\n\r\n");
  await expect.poll(() => text).toMatch(/^HTTP\/1\.1 200 OK/);
  socket.destroy();
  return undefined;
});

test("a chunked body is counted as it comes", async () => {
  const options = { host: "127.0.0.1", port: http.port, method: "POST", path: "/api/messages", headers: json };
  const status = await new Promise((resolve, reject) => {
    const outgoing = send({ ...options, agent: false }, (incoming) => resolve(incoming.resume().statusCode));
    outgoing.on("error", reject);
    for (let sent = 0; sent <= limits.messageBodyBytes; sent += 64 * 1024) outgoing.write(Buffer.alloc(64 * 1024));
    outgoing.end();
  });
  expect(status).toBe(413);
});

test("bodies that wait hold no more than so much memory for one user, and for all", async () => {
  await using small = await openHttp({
    transferLimits: { ...transferLimits, ownerBytes: 100_000, totalBytes: 150_000 },
    echo: true,
    verify: async (token) => ({ userId: Number(token), email: "", role: "user" }),
    handlers: { send: async () => jsonText("{}") },
  });
  const body = JSON.stringify({ content: "x".repeat(60_000) });
  const headers = (user: number) => ({ authorization: `Bearer ${user}`, "content-type": "application/json" });
  const code = async (user: number) =>
    (await small.call("POST", "/api/messages", { headers: headers(user), body })).json()["code"];
  const hold = async (user: number) => {
    const socket = connect(small.port, "127.0.0.1");
    const head = `POST /api/messages HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${user}\r\ncontent-type: application/json`;
    socket.write(`${head}\r\ncontent-length: ${body.length + 1}\r\n\r\n${body}`);
    // The first byte too much is refused, which tells that what came before is held.
    await expect.poll(() => code(user)).toBe("unavailable");
    return socket;
  };
  const first = await hold(1);
  expect(await code(2)).toBeUndefined();
  const second = await hold(2);
  expect(await code(3)).toBe("unavailable");
  first.destroy();
  second.destroy();
  await expect.poll(() => code(3)).toBeUndefined();
  await expect.poll(() => code(1)).toBeUndefined();
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
  // A body has no deadline but a pace: `transfers.test.ts`.
  expect({ headersTimeout, requestTimeout, keepAliveTimeout, timeout: http.server.timeout }).toEqual({
    headersTimeout: 15_000,
    requestTimeout: 0,
    keepAliveTimeout: 65_000,
    timeout: 120_000,
  });
});
