import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestServer, type TestServer } from "../fixtures/test-server.ts";

/** A server as it starts without any setting, but for the folder, the port and the silence. */
const unset = { AUTH_LIMIT: "", NAMES_LIMIT: "", LOGIN_LIMIT: "", JWT_SECRET: "", DATABASE_URL: "" };
const clock = { now: Date.now() };
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ env: unset, now: () => clock.now });
});
afterAll(() => server[Symbol.asyncDispose]());

/** The next test's minute. */
const later = () => void (clock.now += 60_000);

test("it starts, is ready, and shows its page", async () => {
  expect((await server.request("GET", "/ready")).status).toBe(200);
  const page = await server.request("GET", "/");
  expect([page.status, page.headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
});

test("100 calls of /api/auth a minute, of all routes but renewals together, then 429", async () => {
  later();
  for (let i = 0; i < 25; i++) {
    await server.request("GET", "/api/auth/csrf");
    await server.request("POST", "/api/auth/login", { body: {} });
    await server.request("POST", "/api/auth/refresh");
    await server.request("POST", "/api/auth/logout");
    const last = await server.request("GET", "/api/auth/nope");
    expect(last.headers["x-ratelimit-remaining"]).toBe(String(100 - 4 * (i + 1)));
  }
  for (const [method, path] of [
    ["GET", "/api/auth/csrf"],
    ["POST", "/api/auth/register"],
    ["POST", "/api/auth/login"],
    ["POST", "/api/auth/logout"],
    ["GET", "/api/auth/nope"],
  ] as const) {
    const refused = await server.request(method, path);
    expect([refused.status, refused.headers["retry-after"], refused.text]).toEqual([429, "60", "Too Many Requests"]);
  }
  expect((await server.request("POST", "/api/auth/refresh")).status).toBe(401);
  expect((await server.request("GET", "/api/users/me")).status).toBe(401);
});

test("120 names may be looked up a minute", async () => {
  later();
  const check = async () => (await server.request("GET", "/api/users/check-username?username=free_name")).status;
  const statuses = await Promise.all(Array.from({ length: 121 }, check));
  expect(statuses.filter((status) => status === 200)).toHaveLength(120);
  expect(statuses.filter((status) => status === 429)).toHaveLength(1);
});

test("of 40 wrong passwords of one account side by side 10 are judged, then not even the right one", async () => {
  later();
  await server.register("guessed");
  const login = async (password: string) => {
    const answer = await server.request("POST", "/api/auth/login", {
      body: { email: "guessed@example.org", password },
    });
    return answer.json()["code"] ?? answer.status;
  };
  const codes = await Promise.all([...Array.from({ length: 40 }, () => login("wrong")), login("password of guessed")]);
  const judged = codes.filter((code) => code !== "too_many_attempts").length;
  expect([judged >= 10, judged <= 13]).toEqual([true, true]);
});

test("others' e-mails are hidden everywhere, one's own is shown", async () => {
  later();
  const [ann, ben] = [await server.register("ann"), await server.register("ben")];
  const sent = { token: ben.access, body: { recipient_id: ann.id, content: "salam" } };
  expect((await server.request("POST", "/api/messages", sent)).status).toBe(201);
  for (const path of [
    `/api/users/${ben.id}`,
    "/api/users/ben",
    "/api/users/search?q=ben",
    "/api/conversations",
    "/api/conversations/peers",
    "/api/changes",
    `/api/messages?recipient_id=${ben.id}`,
  ]) {
    const { status, text } = await server.request("GET", path, { token: ann.access });
    expect([path, status, text.includes("ben"), text.includes("ben@example.org")]).toEqual([path, 200, true, false]);
  }
  expect((await server.request("GET", "/api/users/me", { token: ben.access })).text).toContain("ben@example.org");
});

test("a browser's page of this server's own origin may call, with its CSRF token; others may not", async () => {
  later();
  const { cookie, csrf } = await server.register("browser");
  const edit = (headers: Record<string, string>) =>
    server.request("PUT", "/api/users/me", { cookie, headers, body: { full_name: "B" } });
  const own = { origin: server.url };
  expect((await edit({ ...own, "x-om-csrf": csrf })).status).toBe(200);
  expect((await edit(own)).json()["code"]).toBe("csrf_required");
  expect((await edit({ ...own, "x-om-csrf": "other" })).json()["code"]).toBe("csrf_invalid");
  expect((await edit({ origin: "http://localhost:1", "x-om-csrf": csrf })).json()["code"]).toBe("forbidden_origin");
});
