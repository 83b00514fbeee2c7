import { hash as bcryptHash } from "@node-rs/bcrypt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeDatabases } from "../../tests/fixtures/databases.ts";
import { openAccounts, type TestAccounts } from "../../tests/fixtures/accounts-server.ts";

const evil = "https://evil.example";

describeDatabases("auth", (database) => {
  let http: TestAccounts;
  beforeAll(async () => {
    http = await openAccounts(database.db, { ALLOWED_ORIGINS: "https://app.example" });
  });
  afterAll(() => http[Symbol.asyncDispose]());

  const register = (body: Record<string, unknown>) => http.post("/api/auth/register", body);
  const account = (name: string, more: Record<string, unknown> = {}) => ({
    username: name,
    email: `${name}@example.org`,
    password: "ten letters",
    ...more,
  });
  const count = async (table: "users" | "names" | "user_state" | "sessions" | "refresh_tokens") =>
    (await database.rows<{ n: number }>(`select count(*) as n from ${table}`))[0]?.n;
  const cookieNames = (cookies: string[]) => cookies.map((cookie) => cookie.split("=")[0]);
  const valueOf = (cookie = ""): string => cookie.slice(cookie.indexOf("=") + 1, cookie.indexOf(";"));

  test("register 201 with user, tokens and three cookies in order and attributes", async () => {
    const answer = await register(account("Nika_1", { email: " Nika@Example.ORG ", full_name: "  Nika R " }));
    const body = answer.json();
    expect(answer.status).toBe(201);
    expect(body["user"]).toEqual({
      id: expect.any(Number) as number,
      username: "Nika_1",
      email: "nika@example.org",
      full_name: "Nika R",
      avatar: "",
      role: "user",
      is_online: false,
      last_seen: null,
    });
    expect(Object.keys(body).toSorted()).toEqual(["access_token", "refresh_token", "user"]);
    expect(body["refresh_token"]).toMatch(/^[\w-]{43}$/);
    const [access, refresh, csrf] = answer.cookies;
    expect(valueOf(access)).toBe(body["access_token"]);
    expect(valueOf(refresh)).toBe(body["refresh_token"]);
    expect(valueOf(csrf)).toMatch(/^[\w-]{43}$/);
    const date = "[A-Z][a-z]{2}, \\d\\d [A-Z][a-z]{2} \\d{4} \\d\\d:\\d\\d:\\d\\d GMT";
    const shape = (name: string, more: string) =>
      new RegExp(`^${name}=[^;]+; expires=${date}; path=/;${more} SameSite=Lax$`);
    expect(answer.cookies).toHaveLength(3);
    expect(access).toMatch(shape("om_access", " HttpOnly;"));
    expect(refresh).toMatch(shape("om_refresh", " HttpOnly;"));
    expect(csrf).toMatch(shape("om_csrf", ""));
    expect(answer.headers["cache-control"]).toBe("private, no-store");
  });

  test.each([
    ["invalid_email", "Invalid email", { email: "no mailbox" }],
    ["invalid_email", "Invalid email", { email: null }],
    ["invalid_email", "Invalid email", { email: "a\0@b" }],
    ["invalid_username", "Invalid username", { username: "a b c" }],
    ["invalid_username", "Invalid username", { username: "ab\0" }],
    ["weak_password", "Password is too short", { password: "012345678" }],
    ["weak_password", "Password is too short", { password: undefined }],
    // In characters, whatever their bytes are.
    ["weak_password", "Password is too short", { password: "😀😁😂🤣😃😄😅😆😉" }],
    ["weak_password", "Password is too short", { password: "e\u0301a\u0301i\u0301o\u0301u\u0301" }],
    ["weak_password", "Password is too common", { password: "1234567890" }],
    ["weak_password", "Password is too common", { password: "Password1234" }],
    ["weak_password", "Password is too common", { password: "zzzzzzzzzzzz" }],
    ["weak_password", "Password must not be your name or address", { username: "somebody_1", password: "Somebody_1!" }],
    ["weak_password", "Password must not be your name or address", { password: "refused@example.org" }],
    [
      "weak_password",
      "Password must not be your name or address",
      { full_name: "Nika Rostami", password: "nika rostami" },
    ],
    ["password_too_long", "Password is longer than 128 characters", { password: "abc ".repeat(33) }],
    ["invalid_request_body", "Invalid request body", { password: "ten letters\ud800" }],
    ["invalid_request_body", "Invalid request body", { full_name: "Nika\ud800" }],
    ["registration_failed", "username already exists", { username: "Admin" }],
    ["registration_failed", "username already exists", { username: "deleted_7" }],
  ])("register: %s (%s)", async (code, error, more) => {
    const answer = await register(account("refused", more));
    expect([answer.status, answer.json()]).toMatchObject([400, { code, error }]);
  });

  test("register judges e-mail, username, password, then what is taken", async () => {
    await register(account("order"));
    const taken = account("order");
    const wrong = { email: "-", username: "-", password: "-" };
    const code = async (body: Record<string, unknown>) => {
      const { error, code } = (await register(body)).json();
      return code === "registration_failed" ? error : code;
    };
    expect(await code({ ...taken, ...wrong })).toBe("invalid_email");
    expect(await code({ ...taken, ...wrong, email: taken.email })).toBe("invalid_username");
    expect(await code({ ...taken, password: "-" })).toBe("weak_password");
    expect(await code(taken)).toBe("email or username already exists");
    expect(await code({ ...taken, email: "new@x" })).toBe("username already exists");
  });

  test("a password of 10 and one of 128 characters are good, however the same text is typed again", async () => {
    const long = "گذرواژه‌ای با é ".repeat(10).slice(0, 128);
    expect((await register(account("short_pw", { password: "سلام دنیا!" }))).status).toBe(201);
    expect((await register(account("long_pw", { password: long }))).status).toBe(201);
    for (const password of [long, long.normalize("NFD")]) {
      expect((await http.post("/api/auth/login", { email: "long_pw@example.org", password })).status).toBe(200);
    }
  });

  test("a name is stored composed, and who has a reserved one keeps it", async () => {
    const nfd = "Jose\u0301";
    const { access_token: access, user } = (await register(account("composed", { full_name: nfd }))).json() as {
      access_token: string;
      user: { id: number; full_name: string };
    };
    expect(user.full_name).toBe(nfd.normalize("NFC"));
    const rename = async (username: string) => {
      const headers = { authorization: `Bearer ${access}` };
      const answer = await http.call("PUT", "/api/users/me", { headers, body: { username } });
      return [answer.status, answer.json()["error"]];
    };
    expect(await rename("Support")).toEqual([400, "username already taken"]);
    await database.rows("update users set username = 'support' where id = $1", [user.id]);
    await database.rows("update names set name = 'support' where user_id = $1", [user.id]);
    expect(await rename("Support")).toEqual([200, undefined]);
    expect((await http.call("GET", "/api/users/check-username?username=SUPPORT")).json()).toEqual({ available: false });
    expect((await http.call("GET", "/api/users/check-username?username=moderator")).json()).toEqual({
      available: false,
    });
  });

  test("duplicate e-mail, username and group handle, whatever their case", async () => {
    await register(account("Twice"));
    await database.addHandle("team_handle");
    const error = async (body: Record<string, unknown>) => (await register(body)).json()["error"];
    expect(await error(account("twice2", { email: "TWICE@example.org" }))).toBe("email or username already exists");
    expect(await error(account("tWICE", { email: "twice3@example.org" }))).toBe("username already exists");
    expect(await error(account("Team_Handle"))).toBe("username already exists");
  });

  test("64 concurrent registrations of one username make exactly one account", async () => {
    const before = [await count("users"), await count("names"), await count("user_state"), await count("sessions")];
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, i) => register(account(i % 2 ? "RUSH" : "rush", { email: `rush${i}@x` }))),
    );
    const outcomes = answers.map((answer) => (answer.status === 201 ? "made" : answer.json()["error"]));
    expect(outcomes.filter((outcome) => outcome === "made")).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === "username already exists")).toHaveLength(63);
    const after = [await count("users"), await count("names"), await count("user_state"), await count("sessions")];
    expect(after).toEqual(before.map((n) => (n ?? 0) + 1));
  });

  test("16 concurrent registrations of one e-mail make exactly one account", async () => {
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, i) => register(account(`mail_rush_${i}`, { email: "rush@mail" }))),
    );
    const errors = answers.map((answer) => answer.json()["error"]);
    expect(errors.filter((error) => error === undefined)).toHaveLength(1);
    expect(errors.filter((error) => error === "email or username already exists")).toHaveLength(15);
  });

  test("NUL and lone surrogates in any text field of register are no failure of ours", async () => {
    for (const text of ["a\0b", "\ud800abc", "abc\udfff"]) {
      for (const field of ["username", "email"]) {
        expect((await register(account("odd", { [field]: text }))).status).toBe(400);
      }
    }
    const answer = await register(account("odd", { full_name: "a\0b", password: "ten letters\0" }));
    expect([answer.status, answer.json()["user"]]).toMatchObject([201, { full_name: "a\ufffdb" }]);
    const login = { email: "odd@example.org", password: "ten letters\0" };
    expect((await http.post("/api/auth/login", login)).status).toBe(200);
    for (const odd of ["\0", "\ud800"]) {
      const wrong = await http.post("/api/auth/login", { email: `odd@example.org${odd}`, password: `x${odd}` });
      expect(wrong.status).toBe(401);
    }
  });

  test("login 200 by e-mail without case, 401 for a wrong password and an unknown e-mail alike, 400 when empty", async () => {
    await http.signUp("log_in");
    const login = (email: string, password: string) => http.post("/api/auth/login", { email, password });
    const good = await login(" LOG_IN@example.org ", "password of log_in");
    expect(good.status).toBe(200);
    expect(good.json()["user"]).toMatchObject({ username: "log_in", email: "log_in@example.org" });
    expect(cookieNames(good.cookies)).toEqual(["om_access", "om_refresh", "om_csrf"]);
    for (const [email, password] of [
      ["log_in@example.org", "Password of log_in"],
      ["log_in@example.org", " password of log_in"],
      ["nobody@example.org", "password of log_in"],
    ] as const) {
      const answer = await login(email, password);
      expect([answer.status, answer.json()]).toMatchObject([
        401,
        { code: "invalid_credentials", error: "Invalid credentials" },
      ]);
      expect(answer.cookies).toEqual([]);
    }
    const empty = await http.post("/api/auth/login", {});
    expect([empty.status, empty.json()]).toMatchObject([
      400,
      { code: "missing_fields", error: "Email and password are required" },
    ]);
  });

  test("login with a bcrypt $2a$10$ hash upgrades it, once, and only with the right password", async () => {
    const { id } = await http.signUp("imported");
    const old = await bcryptHash("password of old", { cost: 10, version: "2a" });
    await database.rows("update users set password_hash = $2 where id = $1", [id, old]);
    const stored = async () =>
      (await database.rows<{ password_hash: string }>("select password_hash from users where id = $1", [id]))[0]
        ?.password_hash;
    const login = (password: string) => http.post("/api/auth/login", { email: "imported@example.org", password });
    expect((await login("password of imported")).status).toBe(401);
    expect(await stored()).toBe(old);
    const both = await Promise.all([login("password of old"), login("password of old")]);
    expect(both.map(({ status }) => status)).toEqual([200, 200]);
    const upgraded = await stored();
    expect(upgraded).toMatch(/^\$argon2id\$/);
    expect((await login("password of old")).status).toBe(200);
    expect(await stored()).toBe(upgraded);
  });

  test("each login is a session of its own; logout ends one and clears two cookies", async () => {
    const { refresh: first } = await http.signUp("log_out");
    const again = await http.post("/api/auth/login", { email: "log_out@example.org", password: "password of log_out" });
    const second = String(again.json()["refresh_token"]);
    const headers = { cookie: `om_refresh=${first}` };
    const answer = await http.call("POST", "/api/auth/logout", { headers });
    expect([answer.status, answer.json()]).toEqual([200, { ok: true }]);
    const gone = "expires=Thu, 01 Jan 1970 00:00:00 GMT; path=/; HttpOnly; SameSite=Lax";
    expect(answer.cookies).toEqual([`om_access=; ${gone}`, `om_refresh=; ${gone}`]);
    expect((await http.refresh(first)).status).toBe(401);
    expect((await http.refresh(second)).status).toBe(200);
  });

  test("logout without a session, or with nonsense, is 200 too", async () => {
    for (const token of ["", "x", "y".repeat(5000), "%00"]) {
      const answer = await http.call("POST", "/api/auth/logout", { headers: { cookie: `om_refresh=${token}` } });
      expect(answer.status).toBe(200);
    }
    expect((await http.call("POST", "/api/auth/logout")).status).toBe(200);
  });

  test("csrf sets a new om_csrf each time and says no more than ok", async () => {
    const [one, two] = [await http.call("GET", "/api/auth/csrf"), await http.call("GET", "/api/auth/csrf")];
    expect(one.json()).toEqual({ ok: true });
    expect(cookieNames(one.cookies)).toEqual(["om_csrf"]);
    expect(one.cookies[0]).not.toContain("HttpOnly");
    expect(valueOf(one.cookies[0])).not.toBe(valueOf(two.cookies[0]));
  });

  test("refresh by cookie only: not by body, not by bearer; a foreign Origin gets 403", async () => {
    const { refresh, bearer } = await http.signUp("cookie_only");
    const body = { refresh_token: refresh };
    expect((await http.post("/api/auth/refresh", body, bearer)).json()["code"]).toBe("invalid_refresh");
    const cookie = `om_refresh=${refresh}`;
    const foreign = await http.post("/api/auth/refresh", {}, { cookie, origin: evil });
    expect([foreign.status, foreign.json()["code"]]).toEqual([403, "forbidden_origin"]);
    // No CSRF token is asked for.
    const listed = await http.post("/api/auth/refresh", {}, { cookie, origin: "https://app.example" });
    expect(listed.status).toBe(200);
  });

  test("a refresh gives three new cookies and keeps an om_csrf that is there", async () => {
    const { refresh } = await http.signUp("keeps_csrf");
    const csrf = "c".repeat(43);
    const answer = await http.call("POST", "/api/auth/refresh", {
      headers: { cookie: `om_refresh=${refresh}; om_csrf=${csrf}` },
    });
    expect(cookieNames(answer.cookies)).toEqual(["om_access", "om_refresh", "om_csrf"]);
    expect(valueOf(answer.cookies[1])).toBe(answer.json()["refresh_token"]);
    expect(valueOf(answer.cookies[2])).toBe(csrf);
    const odd = await http.call("POST", "/api/auth/refresh", {
      headers: { cookie: `om_refresh=${valueOf(answer.cookies[1])}; om_csrf=a%3B%20Domain=evil` },
    });
    expect(valueOf(odd.cookies[2])).toMatch(/^[\w-]{43}$/);
  });
});
