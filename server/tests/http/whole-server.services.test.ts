import { createHmac } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { serverSecret, startTestServer, type Registered, type TestServer } from "../fixtures/test-server.ts";

const listed = "https://app.example";
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** As the old server made them: these claims in this order. */
function minted(payload: unknown, { alg = "HS256", secret = serverSecret } = {}): string {
  const text = `${part({ alg, typ: "JWT" })}.${part(payload)}`;
  return `${text}.${alg === "none" ? "" : createHmac("sha256", secret).update(text).digest("base64url")}`;
}

describe("the whole server", () => {
  const clock = { now: Date.now() };
  let server: TestServer;
  let nika: Registered;
  beforeAll(async () => {
    const env = { ALLOWED_ORIGINS: listed, COOKIE_DOMAIN: "example.org", COOKIE_SAMESITE: "None" };
    server = await startTestServer({ env, now: () => clock.now });
    nika = await server.register("Nika");
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const me = async (options: Parameters<TestServer["request"]>[2]) => {
    const answer = await server.request("GET", "/api/users/me", options);
    return answer.status === 200 ? (answer.json()["user"] as { id: number }).id : answer.json()["code"];
  };
  const exp = () => Math.floor(clock.now / 1000) + 60;
  const claims = () => ({ email: "nika@example.org", exp: exp(), role: "user", user_id: nika.id });

  test("the settings reach the cookies of register, login, refresh and logout", async () => {
    const login = { email: "nika@example.org", password: "password of Nika" };
    const opened = await server.request("POST", "/api/auth/login", { body: login });
    const refresh = opened.cookies[1]?.split(";", 1)[0] ?? "";
    const renewed = await server.request("POST", "/api/auth/refresh", { cookie: refresh });
    for (const { cookies } of [opened, renewed]) {
      expect(cookies.map((cookie) => cookie.replace(/^(\w+)=.*GMT/, "$1"))).toEqual([
        "om_access; domain=example.org; path=/; HttpOnly; secure; SameSite=None",
        "om_refresh; domain=example.org; path=/; HttpOnly; secure; SameSite=None",
        "om_csrf; domain=example.org; path=/; secure; SameSite=None",
      ]);
    }
    const closed = await server.request("POST", "/api/auth/logout", { cookie: refresh });
    expect(closed.cookies).toEqual(
      ["om_access", "om_refresh"].map(
        (name) =>
          `${name}=; expires=Thu, 01 Jan 1970 00:00:00 GMT; domain=example.org; path=/; HttpOnly; secure; SameSite=Lax`,
      ),
    );
  });

  test("a bearer and a cookie each let in; the bearer counts when both are there", async () => {
    const other = await server.register("other");
    expect(await me({ token: nika.access })).toBe(nika.id);
    expect(await me({ cookie: nika.cookie })).toBe(nika.id);
    expect(await me({ token: other.access, cookie: nika.cookie })).toBe(other.id);
    expect(await me({ headers: { authorization: nika.access }, cookie: nika.cookie })).toBe("invalid_authorization");
    expect(await me({ token: "x", cookie: nika.cookie })).toBe("invalid_access_token");
    expect(await me({})).toBe("missing_access_token");
  });

  test("a token minted with the old server's key is accepted", async () => {
    expect(await me({ token: minted(claims()) })).toBe(nika.id);
    expect(await me({ cookie: `om_access=${minted(claims())}` })).toBe(nika.id);
  });

  test("forged, unsigned, expired and endless tokens are refused", async () => {
    const { exp: _exp, ...endless } = claims();
    for (const token of [
      minted(claims(), { secret: "another secret, long enough too" }),
      minted(claims(), { alg: "none" }),
      minted({ ...claims(), exp: exp() - 61 }),
      minted(endless),
      `${minted(claims()).split(".", 1)[0]}.${part({ ...claims(), user_id: 1 })}.${nika.access.split(".")[2]}`,
    ]) {
      expect(await me({ token })).toBe("invalid_access_token");
      expect(await me({ cookie: `om_access=${token}` })).toBe("invalid_access_token");
    }
  });

  test("an access token ends after 15 minutes, its session goes on", async () => {
    const user = await server.register("quarter");
    clock.now += 900_000;
    expect(await me({ token: user.access })).toBe("invalid_access_token");
    const renewed = await server.request("POST", "/api/auth/refresh", { cookie: user.cookie });
    expect(await me({ token: String(renewed.json()["access_token"]) })).toBe(user.id);
    nika.access = minted({ ...claims(), exp: exp() + 86_400 });
  });

  test("two parallel refreshes with one token get the same usable successor; reuse after the grace ends the session", async () => {
    const user = await server.register("twins");
    const refresh = async (token: string) => {
      const answer = await server.request("POST", "/api/auth/refresh", { cookie: `om_refresh=${token}` });
      return String(answer.json()["refresh_token"] ?? answer.json()["code"]);
    };
    const [one, two] = await Promise.all([refresh(user.refresh), refresh(user.refresh)]);
    expect(one).toBe(two);
    const next = await refresh(one);
    expect(next).toMatch(/^[\w-]{43}$/);
    clock.now += 60_001;
    expect(await refresh(user.refresh)).toBe("invalid_refresh");
    expect(await refresh(next)).toBe("invalid_refresh");
  });

  test("64 concurrent registrations of one name make one account", async () => {
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, i) =>
        server.request("POST", "/api/auth/register", {
          body: { username: "rush", email: `rush${i}@example.org`, password: "ten letters" },
        }),
      ),
    );
    const outcomes = answers.map((answer) => answer.json()["error"] ?? "made");
    expect(outcomes.filter((outcome) => outcome === "made")).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === "username already exists")).toHaveLength(63);
  });

  test("NUL and lone surrogates in any text never give a 500", async () => {
    const [id, token] = [nika.id, nika.access];
    for (const odd of ["a\0b", "\ud800abc", "abc\udfff", "\0"]) {
      const query = encodeURIComponent(odd.toWellFormed());
      const body = { content: odd, message_type: odd, client_id: odd, recipient_id: id };
      const answers = await Promise.all([
        server.request("PUT", "/api/users/me", { token, body: { username: odd } }),
        server.request("PUT", "/api/users/me", { token, body: { full_name: odd } }),
        server.request("POST", "/api/messages", { token, body }),
        server.request("POST", "/api/messages", { token, body: { ...body, client_id: "" } }),
        server.request("POST", `/api/conversations/${query}/read`, { token }),
        server.request("POST", "/api/auth/login", { body: { email: odd, password: odd } }),
        server.request("POST", "/api/auth/refresh", { cookie: `om_refresh=${query}` }),
        server.request("GET", `/api/users/${query}`, { token }),
        ...["users/search?q", "users/check-username?username", "messages?recipient_id", "changes?cursor"].map((path) =>
          server.request("GET", `/api/${path}=${query}`, { token }),
        ),
        server.request("GET", "/api/users/me", { token: query }),
        server.request("GET", "/api/users/me", { token, headers: { "if-none-match": query, "user-agent": query } }),
      ]);
      expect(answers.map(({ status }) => status).filter((status) => status >= 500)).toEqual([]);
    }
  });

  test("/metrics counts what was asked, by route", async () => {
    await server.request("GET", "/api/nope", { token: nika.access });
    const { text } = await server.request("GET", "/metrics");
    expect(text).toMatch(/^om_http_requests_total\{route="register",status="201"\} \d+$/m);
    expect(text).toMatch(/^om_database_connections [1-9]\d*$/m);
    expect(text).not.toContain("/api/nope");
  });
});
