import { afterAll, beforeAll, expect, test } from "vitest";
import { describeDatabases } from "../../tests/fixtures/databases.ts";
import { openAccounts, testSecret, type SignedUp, type TestAccounts } from "../../tests/fixtures/accounts-server.ts";
import { createAccessTokens } from "./access-token.ts";

const day = 24 * 3_600_000;

interface Listed {
  id: number;
  user_agent: string;
  created_at: string;
  last_used_at: string;
  current: boolean;
}

describeDatabases("session routes", (database) => {
  let http: TestAccounts;
  beforeAll(async () => {
    http = await openAccounts(database.db, { ALLOWED_ORIGINS: "https://app.example" });
  });
  afterAll(() => http[Symbol.asyncDispose]());

  type Bearer = SignedUp["bearer"];
  const login = async (name: string, userAgent = "") => {
    const body = { email: `${name}@example.org`, password: `password of ${name}` };
    const answer = (await http.post("/api/auth/login", body, { "user-agent": userAgent })).json();
    const bearer = { authorization: `Bearer ${String(answer["access_token"])}` };
    return { bearer, refresh: String(answer["refresh_token"]) };
  };
  const get = (headers: Bearer) => http.call("GET", "/api/sessions", { headers });
  const list = async (headers: Bearer) => (await get(headers)).json()["sessions"] as Listed[];
  const current = async (headers: Bearer) => (await list(headers)).find((one) => one.current)?.id ?? 0;
  const end = (id: number | string, headers: Bearer) => http.call("DELETE", `/api/sessions/${id}`, { headers });
  const endOthers = (headers: Bearer) => http.call("POST", "/api/sessions/end-others", { headers });
  const outcome = async (headers: Bearer) => {
    const answer = await get(headers);
    return answer.status === 200 ? "in" : answer.json()["code"];
  };
  /** The caller as a node sees it that did not end the session, or as the old server names it. */
  const tokenOf = async (claims: { userId: number; sessionId?: number | undefined }) => {
    const caller = { role: "user", ...claims };
    const token = await createAccessTokens(testSecret, () => http.clock.now).issue(caller);
    return { authorization: `Bearer ${token}` };
  };

  test("the list has one's own live sessions, newest use first, and knows which one asks", async () => {
    const { bearer: first, refresh } = await http.signUp("lister");
    const second = await login("lister", "phone");
    const third = await login("lister", "laptop");
    await http.signUp("not_listed");
    http.clock.now += 60_000;
    await http.refresh(refresh);
    const sessions = await list(second.bearer);
    expect(sessions.map(({ user_agent, current }) => [user_agent, current])).toEqual([
      ["", false],
      ["laptop", false],
      ["phone", true],
    ]);
    expect(Object.keys(sessions[0] ?? {})).toEqual(["id", "user_agent", "created_at", "last_used_at", "current"]);
    expect(sessions[0]?.last_used_at).toBe(new Date(http.clock.now).toISOString().replace(/\.?0*Z$/, "Z"));
    expect(sessions[0]?.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$/);
    expect((await list(first)).map(({ current }) => current)).toEqual([true, false, false]);
    expect((await list(third.bearer)).map(({ current }) => current)).toEqual([false, true, false]);
  });

  test("a refreshed access token is of the same session", async () => {
    const { bearer, refresh } = await http.signUp("same");
    const renewed = (await http.refresh(refresh)).json();
    const again = { authorization: `Bearer ${String(renewed["access_token"])}` };
    const late = { authorization: `Bearer ${String((await http.refresh(refresh)).json()["access_token"])}` };
    const id = await current(bearer);
    expect(id).toBeGreaterThan(0);
    expect([await current(again), await current(late)]).toEqual([id, id]);
  });

  test("an expired session is not listed, not counted, and ended all the same", async () => {
    const { bearer, id } = await http.signUp("expired");
    const stale = await current(bearer);
    const before = http.clock.now;
    http.clock.now += 180 * day;
    const fresh = await login("expired");
    expect((await list(fresh.bearer)).map((one) => one.current)).toEqual([true]);
    expect((await endOthers(fresh.bearer)).json()).toEqual({ ended: 0 });
    const revoked = await database.rows<{ id: number }>(
      "select id from sessions where user_id = $1 and revoked_at is not null",
      [id],
    );
    expect(revoked).toEqual([{ id: stale }]);
    http.clock.now = before;
  });

  test("of 120 sessions the 100 last used are listed", async () => {
    const { bearer, id } = await http.signUp("many");
    await database.rows(
      `with made as (
         insert into sessions (user_id, last_used_at) select $1, now() - n * interval '1 minute' from generate_series(1, 119) n
         returning id
       )
       insert into refresh_tokens (token_hash, session_id, expires_at)
       select 'many' || id, id, to_timestamp($2::float8 / 1000) from made`,
      [id, http.clock.now + day],
    );
    const sessions = await list(bearer);
    expect(sessions).toHaveLength(100);
    const times = sessions.map((one) => Date.parse(one.last_used_at));
    expect(times).toEqual(times.toSorted((a, b) => b - a));
    expect(sessions[0]?.current).toBe(true);
    expect((await endOthers(bearer)).json()).toEqual({ ended: 119 });
  });

  test("ending one session: its tokens are refused at once, its sockets are told, the others stay", async () => {
    const { bearer, id } = await http.signUp("ender");
    const other = await login("ender");
    const sessionId = await current(other.bearer);
    http.ends.length = 0;
    const answer = await end(sessionId, bearer);
    expect([answer.status, answer.json()]).toEqual([200, { ok: true }]);
    expect(http.ends).toEqual([{ userId: id, ended: { sessionId } }]);
    expect((await http.refresh(other.refresh)).json()["code"]).toBe("invalid_refresh");
    expect(await outcome(other.bearer)).toBe("invalid_access_token");
    expect(await outcome(bearer)).toBe("in");
    const twice = await end(sessionId, bearer);
    expect([twice.status, twice.json()]).toMatchObject([404, { code: "session_not_found" }]);
    expect(http.ends).toHaveLength(1);
  });

  test("one may end the session that asks", async () => {
    const { bearer, refresh } = await http.signUp("self_ender");
    expect((await end(await current(bearer), bearer)).status).toBe(200);
    expect(await outcome(bearer)).toBe("invalid_access_token");
    expect((await http.refresh(refresh)).status).toBe(401);
  });

  test("nobody sees or ends another user's session", async () => {
    const owner = await http.signUp("owner");
    const spare = await login("owner");
    const eve = await http.signUp("eve");
    const ids = (await list(owner.bearer)).map(({ id }) => id);
    http.ends.length = 0;
    for (const id of ids) {
      const answer = await end(id, eve.bearer);
      expect([answer.status, answer.json()["code"]]).toEqual([404, "session_not_found"]);
    }
    expect((await endOthers(eve.bearer)).json()).toEqual({ ended: 0 });
    expect(http.ends.filter(({ userId }) => userId === owner.id)).toEqual([]);
    expect((await list(eve.bearer)).map(({ id }) => id).filter((id) => ids.includes(id))).toEqual([]);
    expect([await outcome(owner.bearer), await outcome(spare.bearer)]).toEqual(["in", "in"]);
    expect((await http.refresh(spare.refresh)).status).toBe(200);
  });

  test.each(["0", "x", "-1", "1.5", "9007199254740993", "99999999999999999999"])(
    "there is no session %s",
    async (id) => {
      const { bearer } = await http.signUp(`unknown_${id.replaceAll(/\W/g, "_").slice(0, 20)}`);
      const answer = await end(id, bearer);
      expect([answer.status, answer.json()]).toMatchObject([
        404,
        { code: "session_not_found", error: "Session not found" },
      ]);
    },
  );

  test("end-others spares the session that asks, and tells how many it ended", async () => {
    const { bearer, refresh, id } = await http.signUp("cleaner");
    const others = [await login("cleaner"), await login("cleaner")];
    const sessionId = await current(bearer);
    http.ends.length = 0;
    const answer = await endOthers(bearer);
    expect([answer.status, answer.json()]).toEqual([200, { ended: 2 }]);
    expect(http.ends).toEqual([{ userId: id, ended: { exceptSessionId: sessionId } }]);
    for (const other of others) {
      expect(await outcome(other.bearer)).toBe("invalid_access_token");
      expect((await http.refresh(other.refresh)).status).toBe(401);
    }
    expect((await list(bearer)).map((one) => one.id)).toEqual([sessionId]);
    expect((await http.refresh(refresh)).status).toBe(200);
    expect((await endOthers(bearer)).json()).toEqual({ ended: 0 });
  });

  test("a token of the old server works; its end-others spares no session, for it names none", async () => {
    const { id, refresh } = await http.signUp("old_token");
    const old = await tokenOf({ userId: id });
    expect((await list(old)).map(({ current }) => current)).toEqual([false]);
    http.ends.length = 0;
    expect((await endOthers(old)).json()).toEqual({ ended: 1 });
    expect(http.ends).toEqual([{ userId: id, ended: { exceptSessionId: undefined } }]);
    expect((await http.refresh(refresh)).status).toBe(401);
  });

  test("a session that another node ended cannot use what is left of its access token against the others", async () => {
    const { bearer, id } = await http.signUp("thrown_out");
    const sessionId = await current(bearer);
    const other = await login("thrown_out");
    const otherId = await current(other.bearer);
    await database.rows("update sessions set revoked_at = now() where id = $1", [sessionId]);
    const left = await tokenOf({ userId: id, sessionId });
    http.ends.length = 0;
    for (const answer of [await get(left), await end(otherId, left), await endOthers(left)]) {
      expect([answer.status, answer.json()["code"]]).toEqual([401, "unauthorized"]);
    }
    expect(http.ends).toEqual([]);
    expect(await outcome(other.bearer)).toBe("in");
  });

  test("D6: after a change of the key sessions go on, for late refreshers too", async () => {
    const who = await http.signUp("keeps_key");
    const env = { JWT_SECRET_PREVIOUS: testSecret };
    await using changed = await openAccounts(database.db, env, "the key after the change");
    changed.clock.now = http.clock.now;
    expect((await changed.call("GET", "/api/sessions", { headers: who.bearer })).status).toBe(200);
    const next = String((await http.refresh(who.refresh)).json()["refresh_token"]);
    // Whose answer was lost asks the other server again.
    expect((await changed.refresh(who.refresh)).json()["refresh_token"]).toBe(next);
    const last = String((await changed.refresh(next)).json()["refresh_token"]);
    expect((await changed.refresh(who.refresh)).json()["refresh_token"]).toBe(last);
  });

  test("logout and the reuse of a refresh token end sockets and access tokens, once", async () => {
    const out = await http.signUp("logs_out");
    const outId = await current(out.bearer);
    const reused = await http.signUp("reused");
    const reusedId = await current(reused.bearer);
    await http.refresh(reused.refresh);
    http.ends.length = 0;
    for (let i = 0; i < 2; i += 1) {
      await http.call("POST", "/api/auth/logout", { headers: { cookie: `om_refresh=${out.refresh}` } });
    }
    expect(http.ends).toEqual([{ userId: out.id, ended: { sessionId: outId } }]);
    expect(await outcome(out.bearer)).toBe("invalid_access_token");
    http.clock.now += 60_001;
    for (let i = 0; i < 2; i += 1) expect((await http.refresh(reused.refresh)).status).toBe(401);
    expect(http.ends.slice(1)).toEqual([{ userId: reused.id, ended: { sessionId: reusedId } }]);
    expect(await outcome(reused.bearer)).toBe("invalid_access_token");
  });

  test.each([
    ["DELETE", "/api/sessions/1"],
    ["POST", "/api/sessions/end-others"],
    ["PUT", "/api/users/me/password"],
    ["POST", "/api/users/me/delete"],
  ])("%s %s asks for a token, and a browser for its CSRF token", async (method, path) => {
    const { access } = await http.signUp(`csrf_${method}_${path.length}`.toLowerCase());
    const options = method === "DELETE" ? {} : { body: {} };
    expect((await http.call(method, path, options)).json()["code"]).toBe("missing_access_token");
    const headers = { cookie: `om_access=${access}`, origin: "https://app.example" };
    expect((await http.call(method, path, { ...options, headers })).json()["code"]).toBe("csrf_required");
  });
});
