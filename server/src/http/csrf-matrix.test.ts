import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openHttp, type TestHttp } from "../../tests/fixtures/http-server.ts";

const listed = "https://app.example";
const foreign = "https://evil.example";
const token = "t".repeat(43);
const cookie = `om_access=good; om_csrf=${token}`;
const browser = { cookie, origin: listed };
const bearer = { authorization: "Bearer good" };

/** What each way to ask is answered in each mode: 200, or the code of the 403. */
const matrix: [string, Record<string, string>, Record<"token" | "origin" | "off", 200 | string>][] = [
  ["no Origin, no token", { cookie }, { token: 200, origin: 200, off: 200 }],
  ["no Origin, another token", { cookie, "x-om-csrf": "other" }, { token: 200, origin: 200, off: 200 }],
  ["empty Origin", { cookie, origin: "" }, { token: 200, origin: 200, off: 200 }],
  [
    "foreign Origin, no token",
    { cookie, origin: foreign },
    { token: "forbidden_origin", origin: "forbidden_origin", off: "forbidden_origin" },
  ],
  [
    "foreign Origin, the same token",
    { cookie, origin: foreign, "x-om-csrf": token },
    { token: "forbidden_origin", origin: "forbidden_origin", off: "forbidden_origin" },
  ],
  [
    "Origin null",
    { cookie, origin: "null" },
    { token: "forbidden_origin", origin: "forbidden_origin", off: "forbidden_origin" },
  ],
  ["listed Origin, no header", browser, { token: "csrf_required", origin: 200, off: 200 }],
  [
    "listed Origin, no cookie",
    { cookie: "om_access=good", origin: listed, "x-om-csrf": token },
    { token: "csrf_required", origin: 200, off: 200 },
  ],
  [
    "listed Origin, both empty",
    { cookie: "om_access=good; om_csrf=", origin: listed, "x-om-csrf": "" },
    { token: "csrf_required", origin: 200, off: 200 },
  ],
  [
    "listed Origin, another token",
    { ...browser, "x-om-csrf": "other" },
    { token: "csrf_invalid", origin: 200, off: 200 },
  ],
  ["listed Origin, the same token", { ...browser, "x-om-csrf": token }, { token: 200, origin: 200, off: 200 }],
  ["bearer, listed Origin, no token", { ...bearer, origin: listed }, { token: 200, origin: 200, off: 200 }],
  [
    "bearer beside the cookie, listed Origin, no token",
    { ...bearer, ...browser },
    { token: 200, origin: 200, off: 200 },
  ],
  [
    "bearer, foreign Origin",
    { ...bearer, origin: foreign },
    { token: "forbidden_origin", origin: "forbidden_origin", off: "forbidden_origin" },
  ],
];

describe.each(["token", "origin", "off"] as const)("CSRF_MODE=%s", (mode) => {
  const user = {
    id: 7,
    username: "",
    email: "",
    full_name: "",
    avatar: "",
    role: "",
    is_online: false,
    last_seen: null,
  };
  let http: TestHttp;
  beforeAll(async () => {
    http = await openHttp({
      env: { ALLOWED_ORIGINS: listed, CSRF_MODE: mode },
      handlers: {
        updateMe: async () => ({ user }),
        markRead: async () => ({ ok: true, cleared: 0 }),
        me: async () => ({ body: { user }, etag: "t" }),
        refresh: async () => ({ access_token: "a", refresh_token: "r", user }),
      },
    });
  });
  afterAll(() => http[Symbol.asyncDispose]());
  const outcome = async (method: string, path: string, headers: Record<string, string>) => {
    const answer = await http.call(method, path, method === "PUT" ? { headers, body: {} } : { headers });
    return answer.status === 403 ? answer.json()["code"] : answer.status;
  };

  test.each(matrix)("%s", async (_what, headers, expected) => {
    expect(await outcome("PUT", "/api/users/me", headers)).toBe(expected[mode]);
    expect(await outcome("POST", "/api/conversations/9/read", headers)).toBe(expected[mode]);
  });

  test("reading and refreshing ask for no token, but not for every Origin", async () => {
    for (const [method, path] of [
      ["GET", "/api/users/me"],
      ["HEAD", "/api/users/me"],
      ["POST", "/api/auth/refresh"],
    ] as const) {
      expect(await outcome(method, path, browser)).toBe(200);
      if (method !== "HEAD") expect(await outcome(method, path, { cookie, origin: foreign })).toBe("forbidden_origin");
    }
  });
});
