import { afterEach, expect, test } from "vitest";
import { openHttp, type TestHttp } from "../../tests/fixtures/http-server.ts";
import { jsonText } from "../platform/json-text.ts";
import { networkOf } from "./limits.ts";

let http: TestHttp | undefined;
let now = 0;

async function open(env: Record<string, string>) {
  now = 1_700_000_000_000;
  http = await openHttp({
    env,
    now: () => now,
    verify: async (token) => ({ userId: token === "good" ? 7 : 8, email: "", role: "user" }),
    handlers: {
      csrf: async () => ({ ok: true }),
      logout: async () => ({ ok: true }),
      checkUsername: async () => ({ available: true }),
      searchUsers: async () => ({ users: [] }),
      groups: async () => jsonText(`[${" ".repeat(6_400_000)}]`),
    },
  });
  return http;
}
afterEach(() => http?.[Symbol.asyncDispose]());

test("429 after 20 auth calls with Retry-After, and a new window a minute after the first", async () => {
  const { call } = await open({ AUTH_LIMIT: "20" });
  for (let i = 1; i <= 20; i++) {
    const answer = await call("GET", "/api/auth/csrf");
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      "x-ratelimit-limit": "20",
      "x-ratelimit-remaining": String(20 - i),
      "x-ratelimit-reset": "60",
    });
  }
  now += 20_000;
  const refused = await call("GET", "/api/auth/csrf");
  expect([refused.status, refused.text, refused.headers["content-type"]]).toEqual([
    429,
    "Too Many Requests",
    "text/plain; charset=utf-8",
  ]);
  expect(refused.headers["retry-after"]).toBe("40");
  expect(Object.keys(refused.headers).filter((name) => name.startsWith("x-ratelimit"))).toEqual([]);
  now += 40_000;
  expect((await call("GET", "/api/auth/csrf")).status).toBe(200);
});

test("all auth routes share one bucket: failures, wrong methods and unknown paths count too", async () => {
  const { call } = await open({ AUTH_LIMIT: "6" });
  await call("POST", "/api/auth/register");
  await call("POST", "/api/auth/login", { body: {} });
  await call("POST", "/api/auth/logout");
  await call("GET", "/API/Auth/Nope/");
  await call("GET", "/api/auth/login");
  const last = await call("GET", "/api/auth/csrf");
  expect([last.status, last.headers["x-ratelimit-remaining"]]).toEqual([200, "0"]);
  for (const path of ["/api/auth/csrf", "/api/auth/nope"]) expect((await call("GET", path)).status).toBe(429);
  expect((await call("POST", "/api/auth/login", { body: {} })).status).toBe(429);
  expect((await call("POST", "/api/auth/refresh")).status).not.toBe(429);
});

test("a foreign Origin is refused before it counts", async () => {
  const { call } = await open({ AUTH_LIMIT: "1" });
  const headers = { origin: "https://evil.example" };
  for (let i = 0; i < 3; i++) expect((await call("GET", "/api/auth/csrf", { headers })).status).toBe(403);
  expect((await call("GET", "/api/auth/csrf")).status).toBe(200);
});

test("check-username has a bucket of its own, routes with a token none of an address", async () => {
  const { call } = await open({ AUTH_LIMIT: "1", NAMES_LIMIT: "2" });
  const check = () => call("GET", "/api/users/check-username?username=abc");
  expect([(await check()).status, (await check()).status, (await check()).status]).toEqual([200, 200, 429]);
  expect((await call("GET", "/api/auth/csrf")).status).toBe(200);
  const search = await call("GET", "/api/users/search?q=x", { headers: { authorization: "Bearer good" } });
  expect([search.status, search.headers["x-ratelimit-limit"]]).toEqual([200, undefined]);
});

test("A5: 50 people behind one address log in and renew in the same minute, and who guesses passwords there keeps nobody from renewing", async () => {
  const { call } = await open({ AUTH_LIMIT: "" });
  const statuses = async (method: string, path: string, times: number) =>
    (await Promise.all(Array.from({ length: times }, () => call(method, path, { body: {} })))).map(
      ({ status }) => status,
    );
  expect(await statuses("POST", "/api/auth/login", 50)).not.toContain(429);
  expect(await statuses("POST", "/api/auth/login", 60)).toContain(429);
  expect(await statuses("POST", "/api/auth/refresh", 100)).not.toContain(429);
});

test("A5: one user is slowed, then refused with rate_limited and Retry-After; each kind, and each user, is counted by itself", async () => {
  const { call, pauses } = await open({ USER_LIMITS: "1" });
  const ask = (path: string, token = "good") => call("POST", path, { headers: { authorization: `Bearer ${token}` } });
  // The handlers are missing, so what is let through is a 500.
  for (let i = 0; i < 60; i++) expect((await ask("/api/groups")).status).toBe(400);
  expect(pauses.map(Math.round)).toEqual(Array.from({ length: 30 }, (_, i) => Math.round((1_000 * (i + 1)) / 30)));
  const refused = await ask("/api/groups");
  expect([refused.status, refused.json()["code"], refused.headers["retry-after"]]).toEqual([429, "rate_limited", "30"]);
  expect((await ask("/api/groups/3/leave")).status).toBe(500);
  expect((await ask("/api/groups", "other")).status).toBe(400);
  now += 60_000;
  expect((await ask("/api/groups")).status).toBe(400);
});

test("A5: changing a password counts as what it costs, and so does a large answer", async () => {
  const { call } = await open({ USER_LIMITS: "1" });
  const headers = { authorization: "Bearer good" };
  const statuses: number[] = [];
  for (let i = 0; i < 21; i++) {
    statuses.push((await call("PUT", "/api/users/me/password", { headers, body: {} })).status);
  }
  expect(statuses).toEqual([...Array<number>(20).fill(500), 429]);
  const taken: number[] = [];
  for (let i = 0; i < 15; i++) taken.push((await call("GET", "/api/groups", { headers })).status);
  expect(taken.filter((status) => status === 200)).toHaveLength(11);
});

test("B2: addresses of one /48 share four times the limit of one line", async () => {
  const { call } = await open({ AUTH_LIMIT: "5", TRUST_PROXY: "127.0.0.1" });
  const from = async (address: string) =>
    (await call("GET", "/api/auth/csrf", { headers: { "x-forwarded-for": address } })).status;
  const statuses: number[] = [];
  for (let i = 0; i < 30; i++) statuses.push(await from(`2001:db8:7:${i % 10}::${i + 1}`));
  expect(statuses).toEqual([...Array<number>(20).fill(200), ...Array<number>(10).fill(429)]);
  expect([await from("2001:db8:8::1"), await from("203.0.113.1")]).toEqual([200, 200]);
});

test("uploads are counted per user, once token and CSRF have passed", async () => {
  const { call } = await open({ AVATAR_LIMIT: "2", ATTACHMENT_LIMIT: "1" });
  const upload = async (path: string, headers: Record<string, string>) => {
    const answer = await call("POST", path, { headers });
    return [answer.status, answer.headers["x-ratelimit-remaining"], answer.headers["x-ratelimit-reset"]];
  };
  const good = { authorization: "Bearer good" };
  const [avatar, attachments] = ["/api/users/me/avatar", "/api/media/attachments"];
  expect((await upload(avatar, {}))[0]).toBe(401);
  expect((await upload(avatar, { cookie: "om_access=good", origin: "https://evil.example" }))[0]).toBe(403);
  expect(await upload(avatar, good)).toEqual([500, "1", "600"]);
  expect(await upload("/api/groups/3/avatar", good)).toEqual([500, "0", "600"]);
  expect((await upload(avatar, good))[0]).toBe(429);
  expect(await upload(attachments, good)).toEqual([500, "0", "600"]);
  expect((await upload(attachments, good))[0]).toBe(429);
  now += 600_000;
  expect((await upload(avatar, good))[1]).toBe("1");
});

test("X-Forwarded-For is believed of trusted proxies only", async () => {
  const statuses = async (env: Record<string, string>) => {
    const { call } = await open({ AUTH_LIMIT: "1", ...env });
    const from = async (address: string) =>
      (await call("GET", "/api/auth/csrf", { headers: { "x-forwarded-for": address } })).status;
    const result = [await from("203.0.113.1"), await from("203.0.113.2"), await from("198.51.100.9, 203.0.113.1")];
    await http?.[Symbol.asyncDispose]();
    http = undefined;
    return result;
  };
  expect(await statuses({})).toEqual([200, 429, 429]);
  expect(await statuses({ TRUST_PROXY: "10.0.0.0/8" })).toEqual([200, 429, 429]);
  // What stands before the address that the proxy saw is hearsay.
  expect(await statuses({ TRUST_PROXY: "127.0.0.1" })).toEqual([200, 200, 429]);
  const { call } = await open({ AUTH_LIMIT: "1", TRUST_PROXY: "127.0.0.1" });
  const forms = [
    { "x-forwarded-for": "203.0.113.1:4711" },
    { "x-forwarded-for": "203.0.113.1" },
    { forwarded: 'for="203.0.113.1:80"' },
    { forwarded: 'for="[2001:db8::1]:80"' },
  ];
  const each = [];
  for (const headers of forms) each.push((await call("GET", "/api/auth/csrf", { headers })).status);
  expect(each).toEqual([200, 429, 429, 200]);
});

test.each(["nonsense", "10.0.0.0/33", "10.0.0.0/x", "1.2.3"])(
  "TRUST_PROXY=%s stops the start with one line",
  async (entry) => {
    await expect(openHttp({ env: { TRUST_PROXY: entry } })).rejects.toThrow(/^TRUST_PROXY: .*\d\/8$/);
  },
);

test.each([
  ["203.0.113.1", "203.0.113.1"],
  ["::ffff:203.0.113.1", "203.0.113.1"],
  ["203.0.113.1:4711", "203.0.113.1"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:DB8:1:2::1", "2001:db8:1:2::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["not an address", "not an address"],
  ["a:".repeat(1000), "a:".repeat(32)],
  [undefined, ""],
])("the network of %s is %s", (address, network) => expect(networkOf(address)).toBe(network));
