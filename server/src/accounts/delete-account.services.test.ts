import { afterAll, beforeAll, expect, test } from "vitest";
import { describeDatabases } from "../../tests/fixtures/databases.ts";
import { openAccounts, type SignedUp, type TestAccounts } from "../../tests/fixtures/accounts-server.ts";

describeDatabases("deletion of an account", (database) => {
  let http: TestAccounts;
  let ben: SignedUp;
  beforeAll(async () => {
    http = await openAccounts(database.db, { LOGIN_LIMIT: "3" });
    ben = await http.signUp("ben");
  });
  afterAll(() => http[Symbol.asyncDispose]());

  const remove = (headers: SignedUp["bearer"], password: unknown) =>
    http.call("POST", "/api/users/me/delete", { headers, body: { password } });
  const get = (path: string, headers = ben.bearer) => http.call("GET", path, { headers });
  const rows = (text: string, id: number) => database.rows(text, [id]);

  test("the row stays without anything personal; name, sessions, tokens, blocks and invites go", async () => {
    const nika = await http.signUp("Nika");
    await http.call("PUT", "/api/users/me", { headers: nika.bearer, body: { full_name: "Nika R" } });
    await rows("update users set avatar = 'http://x/a.jpg' where id = $1", nika.id);
    await database.rows("insert into blocks values ($1, $2), ($2, $1)", [nika.id, ben.id]);
    await rows(
      `with made as (insert into groups (name, creator_id) values ('g', $1) returning id)
       insert into invites (token, group_id, created_by) select 'of nika', id, $1 from made`,
      nika.id,
    );
    await database.rows("insert into invites (token, group_id, created_by) select 'of ben', max(id), $1 from groups", [
      ben.id,
    ]);
    http.ends.length = 0;
    const answer = await remove(nika.bearer, "password of Nika");
    expect([answer.status, answer.json()]).toEqual([200, { ok: true }]);
    expect(answer.cookies.map((cookie) => cookie.split(";")[0])).toEqual(["om_access=", "om_refresh="]);
    expect(await rows("select * from users where id = $1", nika.id)).toMatchObject([
      {
        username: `deleted_${nika.id}`,
        email: `deleted_${nika.id}@invalid`,
        password_hash: "-",
        full_name: "",
        avatar: "",
        deleted_at: expect.any(String) as string,
      },
    ]);
    expect(await rows("select * from names where user_id = $1", nika.id)).toEqual([]);
    expect(await rows("select * from sessions where user_id = $1", nika.id)).toEqual([]);
    expect(await rows("select * from blocks where blocker_id = $1 or blocked_id = $1", nika.id)).toEqual([]);
    const invites = await database.rows("select token, revoked_at is not null as over from invites order by token");
    expect(invites).toEqual([
      { token: "of ben", over: false },
      { token: "of nika", over: true },
    ]);
    expect(http.ends).toEqual([{ userId: nika.id, ended: { exceptSessionId: undefined } }]);
    expect(http.left).toContain(nika.id);
  });

  test("who is deleted cannot log in, refresh or call, and is not found; name and e-mail are free", async () => {
    const gone = await http.signUp("gone");
    const second = (
      await http.post("/api/auth/login", { email: "gone@example.org", password: "password of gone" })
    ).json()["access_token"] as string;
    await remove(gone.bearer, "password of gone");
    const login = (email: string, password: string) => http.post("/api/auth/login", { email, password });
    expect((await login("gone@example.org", "password of gone")).status).toBe(401);
    for (const password of ["-", "password of gone"]) {
      expect((await login(`deleted_${gone.id}@invalid`, password)).status).toBe(401);
    }
    expect((await http.refresh(gone.refresh)).json()["code"]).toBe("invalid_refresh");
    for (const headers of [gone.bearer, { authorization: `Bearer ${second}` }]) {
      expect((await get("/api/users/me", headers)).status).toBe(401);
    }
    for (const identifier of [String(gone.id), "gone", `deleted_${gone.id}`]) {
      const answer = await get(`/api/users/${identifier}`);
      expect([answer.status, answer.json()["code"]]).toEqual([404, "user_not_found"]);
    }
    for (const q of ["gone", `deleted_${gone.id}`]) {
      expect((await get(`/api/users/search?q=${q}`)).json()).toEqual({ users: [] });
    }
    expect((await get("/api/users/check-username?username=GONE")).json()).toEqual({ available: true });
    const again = await http.signUp("gone");
    expect(again.id).toBeGreaterThan(gone.id);
    expect((await get("/api/users/gone")).json()["user"]).toMatchObject({ id: again.id });
  });

  test("an access token that another node still takes finds no user: 401 unauthorized", async () => {
    const late = await http.signUp("late");
    expect((await get("/api/users/me", late.bearer)).status).toBe(200);
    await rows("update users set deleted_at = now() where id = $1", late.id);
    const me = await get("/api/users/me", late.bearer);
    expect([me.status, me.json()["code"]]).toEqual([401, "unauthorized"]);
    const edit = { headers: late.bearer, body: { username: "back_again" } };
    expect((await http.call("PUT", "/api/users/me", edit)).status).toBe(400);
    const body = { current_password: "password of late", new_password: "a better password" };
    const changed = await http.call("PUT", "/api/users/me/password", { headers: late.bearer, body });
    expect([changed.status, changed.json()["code"]]).toEqual([401, "invalid_credentials"]);
    expect((await remove(late.bearer, "password of late")).status).toBe(401);
  });

  test("a wrong password is refused, changes nothing, and counts against the limit of logins", async () => {
    const { bearer, id } = await http.signUp("stays");
    http.ends.length = 0;
    for (const wrong of ["password", "", undefined]) {
      const answer = await remove(bearer, wrong);
      expect([answer.status, answer.json()["code"]]).toEqual([401, "invalid_credentials"]);
    }
    expect((await remove(bearer, "password of stays")).status).toBe(429);
    expect((await get(`/api/users/${id}`)).status).toBe(200);
    expect(http.ends).toEqual([]);
    expect(http.left).not.toContain(id);
  });

  test("if the groups cannot be left, the account is still there and can be deleted later", async () => {
    const { bearer, id } = await http.signUp("stuck");
    http.failLeaving(new Error("no way out"));
    expect((await remove(bearer, "password of stuck")).status).toBe(500);
    expect((await get("/api/users/me", bearer)).status).toBe(200);
    http.failLeaving(undefined);
    expect((await remove(bearer, "password of stuck")).status).toBe(200);
    expect(http.left.filter((one) => one === id)).toEqual([id]);
  });

  test("however a login and the deletion meet, no session stays", async () => {
    for (let round = 0; round < 6; round += 1) {
      const name = `leaver_${round}`;
      const { bearer, id } = await http.signUp(name);
      const body = { email: `${name}@example.org`, password: `password of ${name}` };
      const [, removed] = await Promise.all([
        http.post("/api/auth/login", body),
        remove(bearer, `password of ${name}`),
      ]);
      expect(removed.status).toBe(200);
      expect(await rows("select id from sessions where user_id = $1", id)).toEqual([]);
    }
  });

  test("nobody can take the place of an account that is to be deleted", async () => {
    const { bearer, id } = await http.signUp("target");
    const body = { username: "squatter", email: `Deleted_${id}@INVALID`, password: "ten letters" };
    const squatter = await http.post("/api/auth/register", body);
    expect([squatter.status, squatter.json()["code"]]).toEqual([400, "invalid_email"]);
    expect((await remove(bearer, "password of target")).status).toBe(200);
  });
});
