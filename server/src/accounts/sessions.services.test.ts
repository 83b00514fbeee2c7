import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeDatabases } from "../../tests/fixtures/databases.ts";
import { openAccounts, type TestAccounts } from "../../tests/fixtures/accounts-server.ts";

const day = 24 * 3_600_000;

describeDatabases("sessions", (database) => {
  let http: TestAccounts;
  beforeAll(async () => {
    http = await openAccounts(database.db);
  });
  afterAll(() => http[Symbol.asyncDispose]());

  /** The successor, or the code of the refusal. */
  const refresh = async (token: string): Promise<string> => {
    const body = (await http.refresh(token)).json();
    return String(body["refresh_token"] ?? body["code"]);
  };
  const tokenHash = (token: string): string => createHash("sha256").update(token).digest("hex");

  test("a refresh gives a new token and a usable access token", async () => {
    const { id, refresh: token } = await http.signUp("renew");
    http.clock.now += 60_000;
    const answer = (await http.refresh(token)).json();
    expect(answer["refresh_token"]).toMatch(/^[\w-]{43}$/);
    expect(answer["refresh_token"]).not.toBe(token);
    expect(answer["user"]).toMatchObject({ id, username: "renew", email: "renew@example.org" });
    const headers = { authorization: `Bearer ${String(answer["access_token"])}` };
    expect((await http.call("GET", "/api/users/me", { headers })).status).toBe(200);
  });

  test("only hashes of refresh tokens are stored", async () => {
    const { refresh: token } = await http.signUp("hashed");
    const [row] = await database.rows("select * from refresh_tokens where token_hash = $1", [tokenHash(token)]);
    expect(row).toBeDefined();
    expect(JSON.stringify(row)).not.toContain(token);
  });

  test("32 refreshers with one token all get the same successor, and it works", async () => {
    const { refresh: token } = await http.signUp("parallel");
    const successors = new Set(await Promise.all(Array.from({ length: 32 }, () => refresh(token))));
    expect(successors.size).toBe(1);
    const [successor = ""] = successors;
    expect(successor).toMatch(/^[\w-]{43}$/);
    expect(await refresh(successor)).toMatch(/^[\w-]{43}$/);
  });

  test("within the grace a late refresher gets the token that is current by then", async () => {
    const { refresh: a } = await http.signUp("late");
    const b = await refresh(a);
    const c = await refresh(b);
    const d = await refresh(c);
    expect(new Set([a, b, c, d]).size).toBe(4);
    http.clock.now += 60_000;
    expect(await refresh(a)).toBe(d);
    expect(await refresh(b)).toBe(d);
    http.clock.now += 1;
    // Handing out the current token did not replace it.
    expect(await refresh(d)).toMatch(/^[\w-]{43}$/);
  });

  test("reuse after the grace is refused and ends the session with all its tokens, and no other session", async () => {
    const { refresh: a } = await http.signUp("stolen");
    const login = { email: "stolen@example.org", password: "password of stolen" };
    const other = String((await http.post("/api/auth/login", login)).json()["refresh_token"]);
    const b = await refresh(a);
    http.clock.now += 60_001;
    expect(await refresh(a)).toBe("invalid_refresh");
    expect(await refresh(b)).toBe("invalid_refresh");
    expect(await refresh(other)).toMatch(/^[\w-]{43}$/);
  });

  test("a session ends after 180 days without use, and after a year however much it is used", async () => {
    const before = http.clock.now;
    const { refresh: a } = await http.signUp("sliding");
    http.clock.now += 180 * day - 1;
    const b = await refresh(a);
    expect(b).toMatch(/^[\w-]{43}$/);
    http.clock.now += 180 * day;
    expect(await refresh(b)).toBe("invalid_refresh");
    const used = await http.signUp("used");
    let token = used.refresh;
    for (let months = 0; months < 12; months += 1) {
      http.clock.now += 30 * day;
      token = await refresh(token);
    }
    http.clock.now += 5 * day - 1;
    const access = (await http.refresh(token)).json();
    const headers = { authorization: `Bearer ${String(access["access_token"])}` };
    expect((await http.call("GET", "/api/sessions", { headers })).status).toBe(200);
    http.clock.now += 1;
    expect(await refresh(String(access["refresh_token"]))).toBe("invalid_refresh");
    await http.check(true);
    expect((await http.call("GET", "/api/users/me", { headers })).status).toBe(401);
    http.clock.now = before;
  });

  test.each(["", "x", "a".repeat(43), "a".repeat(5000), "%F0%9F%98%80"])(
    "the unknown token %j is refused",
    async (token) => {
      const answer = await http.refresh(token);
      expect([answer.status, answer.json()["error"]]).toEqual([401, "Invalid refresh token"]);
      // The first web client would reload for ever with the cookies that it has.
      expect(answer.cookies.map((cookie) => /^(\w+)=; expires=Thu, 01 Jan 1970/.exec(cookie)?.[1])).toEqual([
        "om_access",
        "om_refresh",
        "om_csrf",
      ]);
    },
  );

  test("the session of a deleted user ends with it", async () => {
    const { id, refresh: token, bearer } = await http.signUp("is_deleted");
    await database.rows("delete from users where id = $1", [id]);
    expect(await refresh(token)).toBe("invalid_refresh");
    const me = await http.call("GET", "/api/users/me", { headers: bearer });
    expect([me.status, me.json()["code"]]).toEqual([401, "invalid_access_token"]);
  });

  test("a refresh token of an imported session works", async () => {
    const { id } = await http.signUp("imported_session");
    const token = "i".repeat(43);
    await database.rows(
      `with made as (insert into sessions (user_id) values ($1) returning id)
       insert into refresh_tokens (token_hash, session_id, expires_at)
       select $2, id, to_timestamp($3::float8 / 1000) from made`,
      [id, tokenHash(token), http.clock.now + day],
    );
    expect(await refresh(token)).toMatch(/^[\w-]{43}$/);
  });

  test("the user agent is kept, cut to what fits", async () => {
    const body = { username: "agent", email: "agent@x", password: "ten letters" };
    await http.post("/api/auth/register", body, { "user-agent": `curl ${"x".repeat(1000)}` });
    const [row] = await database.rows<{ user_agent: string }>(
      "select s.user_agent from sessions s join users u on u.id = s.user_id where u.username = 'agent'",
    );
    expect(row?.user_agent).toBe(`curl ${"x".repeat(295)}`);
  });

  test("purge forgets what has expired, keeps what is needed to notice reuse, and works on any number of rows", async () => {
    const { refresh: a, id } = await http.signUp("purged");
    await database.rows("delete from sessions where user_id <> $1", [id]);
    await database.rows(
      `insert into refresh_tokens (token_hash, session_id, expires_at)
       select 'old' || n, s.id, now() - interval '1 day' from sessions s, generate_series(1, 12000) n where s.user_id = $1`,
      [id],
    );
    await refresh(a);
    await http.purge();
    const hashes = async () => (await database.rows<{ n: number }>("select count(*) as n from refresh_tokens"))[0]?.n;
    expect(await hashes()).toBe(2);
    http.clock.now += 181 * day;
    await http.purge();
    expect(await hashes()).toBe(0);
    expect(await database.rows("select id from sessions")).toEqual([]);
  });
});
