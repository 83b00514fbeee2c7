import { afterEach, expect, test } from "vitest";
import { openHttp, type TestHttp } from "../../tests/fixtures/http-server.ts";
import { createOriginPolicy } from "./origin.ts";

const listed = "https://app.example.org";
let http: TestHttp | undefined;

async function open(env: Record<string, string> = { ALLOWED_ORIGINS: `${listed}, http://localhost:3000` }) {
  http = await openHttp({
    env,
    handlers: {
      csrf: async () => ({ ok: true }),
      logout: async () => ({ ok: true }),
      markRead: async () => ({ cleared: 0, ok: true }),
    },
  });
  return http;
}
afterEach(() => http?.[Symbol.asyncDispose]());

test.each([
  [listed, true],
  ["http://localhost:3000", true],
  [undefined, true],
  ["", true],
  ["https://app.example.org/", false],
  ["https://APP.example.org", false],
  ["https://app.example.org.evil.example", false],
  ["https://x.app.example.org", false],
  ["http://app.example.org", false],
  ["null", false],
  ["*", false],
])("with a list, Origin %s: %s", (origin, allowed) => {
  const isAllowed = createOriginPolicy([listed, "http://localhost:3000"]);
  expect(isAllowed(origin, "app.example.org")).toBe(allowed);
});

test.each([
  ["http://127.0.0.1:8080", "127.0.0.1:8080", true],
  ["https://chat.example.org", "Chat.Example.org", true],
  ["https://chat.example.org", "chat.example.org:443", true],
  ["http://[::1]:8080", "[::1]:8080", true],
  ["http://localhost:8080", "localhost:8080", true],
  // Whose name leads here by DNS rebinding is a stranger all the same.
  ["http://evil.example", "evil.example", false],
  ["http://evil.example:8080", "evil.example:8080", false],
  ["http://127.0.0.1.evil.example", "127.0.0.1.evil.example", false],
  [undefined, undefined, true],
  ["https://chat.example.org", "chat.example.org:443", true],
  ["http://chat.example.org", "chat.example.org:80", true],
  ["https://[2001:db8::1]", "[2001:DB8::1]:443", true],
  ["https://chat.example.org", "chat.example.org:80", false],
  ["https://chat.example.org", "chat.example.org:8443", false],
  ["https://evil.example", "chat.example.org", false],
  ["https://evil@chat.example.org", "chat.example.org", false],
  ["https://chat.example.org/x", "chat.example.org", false],
  ["ftp://chat.example.org", "chat.example.org", false],
  ["null", "chat.example.org", false],
  ["http://", "", false],
  ["https://chat.example.org", undefined, false],
])("without a list, Origin %s at host %s: %s", (origin, host, allowed) => {
  expect(createOriginPolicy([], ["https://chat.example.org/api", ""])(origin, host)).toBe(allowed);
});

test("an entry in mixed case, or with the usual port, matches what browsers send", () => {
  expect(createOriginPolicy(["https://App.Example.org"])("https://app.example.org", undefined)).toBe(true);
  expect(createOriginPolicy(["https://app.example.org:443"])("https://app.example.org", undefined)).toBe(true);
  expect(createOriginPolicy(["capacitor://localhost"])("capacitor://localhost", undefined)).toBe(true);
});

test("preflight allowed: 204 with everything a browser asks for", async () => {
  const { call } = await open();
  const headers = { origin: listed, "access-control-request-method": "PUT" };
  const answer = await call("OPTIONS", "/api/users/me", { headers });
  expect([answer.status, answer.text]).toEqual([204, ""]);
  expect(answer.headers).toMatchObject({
    "access-control-allow-origin": listed,
    "access-control-allow-credentials": "true",
    "access-control-allow-methods": "GET,POST,PUT,DELETE,OPTIONS",
    "access-control-allow-headers": "Origin,Content-Type,Accept,Authorization,X-OM-CSRF",
    vary: "Access-Control-Request-Method, Access-Control-Request-Headers, Origin",
  });
  expect(answer.headers["access-control-max-age"]).toBeUndefined();
});

test("preflight forbidden: 204 all the same, without the allow-origin pair", async () => {
  const { call } = await open();
  const headers = { origin: "https://evil.example", "access-control-request-method": "PUT" };
  for (const path of ["/api/users/me", "/api/nope", "/nope"]) {
    const answer = await call("OPTIONS", path, { headers });
    expect(answer.status).toBe(204);
    expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
    expect(answer.headers["access-control-allow-credentials"]).toBeUndefined();
  }
});

test("preflights do not count against the limit", async () => {
  const { call } = await open({ ALLOWED_ORIGINS: listed, AUTH_LIMIT: "1" });
  const headers = { origin: listed, "access-control-request-method": "POST" };
  for (let i = 0; i < 5; i++) expect((await call("OPTIONS", "/api/auth/login", { headers })).status).toBe(204);
  expect((await call("GET", "/api/auth/csrf")).status).toBe(200);
});

test("an allowed origin is named on answers and errors, a foreign one gets 403, outside /api nobody asks", async () => {
  const { call } = await open();
  const good = await call("GET", "/api/users/me", { headers: { origin: listed } });
  expect([good.status, good.headers["access-control-allow-origin"], good.headers.vary]).toEqual([
    401,
    listed,
    "Origin",
  ]);
  // A page that was told to wait must see for how long.
  expect(good.headers["access-control-expose-headers"]).toBe("Retry-After,X-Request-Id");
  const bad = await call("GET", "/api/users/me", { headers: { origin: "https://evil.example" } });
  expect([bad.status, bad.json()["code"], bad.json()["error"]]).toEqual([
    403,
    "forbidden_origin",
    "Origin not allowed",
  ]);
  expect([bad.headers["access-control-allow-origin"], bad.headers.vary]).toEqual([undefined, "Origin"]);
  expect((await call("GET", "/health", { headers: { origin: "https://evil.example" } })).status).toBe(200);
});

test("an empty ALLOWED_ORIGINS lets the server's own pages in and nobody else", async () => {
  const { call, port } = await open({});
  const own = { headers: { origin: `http://127.0.0.1:${port}` } };
  expect((await call("GET", "/api/auth/csrf", own)).status).toBe(200);
  expect((await call("GET", "/api/auth/csrf", { headers: { origin: "http://localhost:1" } })).status).toBe(403);
});

const token = "t".repeat(43);
const cookie = `om_access=good; om_csrf=${token}`;
test.each<[{ mode: string; what: string }, Record<string, string>, number, string | undefined]>([
  [{ mode: "token", what: "no Origin" }, {}, 200, undefined],
  [
    { mode: "token", what: "foreign Origin" },
    { origin: "https://evil.example", "x-om-csrf": token },
    403,
    "forbidden_origin",
  ],
  [{ mode: "token", what: "no header" }, { origin: listed }, 403, "csrf_required"],
  [{ mode: "token", what: "empty header" }, { origin: listed, "x-om-csrf": "" }, 403, "csrf_required"],
  [
    { mode: "token", what: "no cookie" },
    { origin: listed, "x-om-csrf": token, cookie: "om_access=good" },
    403,
    "csrf_required",
  ],
  [
    { mode: "token", what: "another token" },
    { origin: listed, "x-om-csrf": `${token.slice(1)}u` },
    403,
    "csrf_invalid",
  ],
  [{ mode: "token", what: "a longer token" }, { origin: listed, "x-om-csrf": `${token}t` }, 403, "csrf_invalid"],
  [{ mode: "token", what: "the same token" }, { origin: listed, "x-om-csrf": token }, 200, undefined],
  [
    { mode: "token", what: "bearer instead of cookie" },
    { origin: listed, authorization: "Bearer good" },
    200,
    undefined,
  ],
  [{ mode: "origin", what: "listed Origin" }, { origin: listed }, 200, undefined],
  [{ mode: "origin", what: "foreign Origin" }, { origin: "https://evil.example" }, 403, "forbidden_origin"],
  [{ mode: "off", what: "listed Origin" }, { origin: listed }, 200, undefined],
])("CSRF %o", async ({ mode }, headers, status, code) => {
  const { call } = await open({ ALLOWED_ORIGINS: listed, CSRF_MODE: mode });
  const answer = await call("POST", "/api/conversations/9/read", { headers: { cookie, ...headers } });
  expect([answer.status, answer.json()["code"]]).toEqual([status, code]);
});

test("CSRF is asked after the token, and of logout without one", async () => {
  const { call } = await open();
  const headers = { origin: listed };
  const anonymous = await call("POST", "/api/conversations/9/read", { headers });
  expect(anonymous.json()["code"]).toBe("missing_access_token");
  expect((await call("POST", "/api/auth/logout", { headers })).json()["code"]).toBe("csrf_required");
  const proven = { ...headers, cookie: `om_csrf=${token}`, "x-om-csrf": token };
  expect((await call("POST", "/api/auth/logout", { headers: proven })).status).toBe(200);
});
