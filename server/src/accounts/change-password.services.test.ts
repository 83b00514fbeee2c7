import { afterAll, beforeAll, expect, test } from "vitest";
import { describeDatabases } from "../../tests/fixtures/databases.ts";
import { openAccounts, type SignedUp, type TestAccounts } from "../../tests/fixtures/accounts-server.ts";

describeDatabases("change of the password", (database) => {
  let http: TestAccounts;
  beforeAll(async () => {
    http = await openAccounts(database.db, { LOGIN_LIMIT: "3" });
  });
  afterAll(() => http[Symbol.asyncDispose]());

  const change = (headers: SignedUp["bearer"], current: unknown, wanted: unknown) =>
    http.call("PUT", "/api/users/me/password", {
      headers,
      body: { current_password: current, new_password: wanted },
    });
  const login = (name: string, password: string) =>
    http.post("/api/auth/login", { email: `${name}@example.org`, password });
  const isIn = async (headers: SignedUp["bearer"]) =>
    (await http.call("GET", "/api/sessions", { headers })).status === 200;

  test("the new password is good, the old one is not; all other sessions end, this one goes on", async () => {
    const { bearer, refresh, id } = await http.signUp("changer");
    const other = (await login("changer", "password of changer")).json();
    http.ends.length = 0;
    const answer = await change(bearer, "password of changer", "a better password");
    expect([answer.status, answer.json()]).toEqual([200, { ok: true }]);
    expect((await login("changer", "password of changer")).status).toBe(401);
    expect((await login("changer", "a better password")).status).toBe(200);
    expect((await http.refresh(String(other["refresh_token"]))).status).toBe(401);
    expect(await isIn({ authorization: `Bearer ${String(other["access_token"])}` })).toBe(false);
    expect(await isIn(bearer)).toBe(true);
    expect((await http.refresh(refresh)).status).toBe(200);
    expect(http.ends).toEqual([{ userId: id, ended: { exceptSessionId: expect.any(Number) as number } }]);
    const [row] = await database.rows<{ password_hash: string }>("select password_hash from users where id = $1", [id]);
    expect(row?.password_hash).toMatch(/^\$argon2id\$/);
  });

  test("a wrong current password is refused, changes nothing, and counts against the limit of logins", async () => {
    const { bearer } = await http.signUp("guesser");
    const other = (await login("guesser", "password of guesser")).json();
    http.ends.length = 0;
    for (const wrong of ["password", "", undefined]) {
      const answer = await change(bearer, wrong, "a better password");
      expect([answer.status, answer.json()]).toMatchObject([401, { code: "invalid_credentials" }]);
    }
    const right = await change(bearer, "password of guesser", "a better password");
    expect([right.status, right.json()["code"]]).toEqual([429, "too_many_attempts"]);
    expect(Number(right.headers["retry-after"])).toBeGreaterThan(0);
    expect((await login("guesser", "password of guesser")).status).toBe(429);
    http.clock.now += 15 * 60_000;
    expect((await login("guesser", "password of guesser")).status).toBe(200);
    expect((await http.refresh(String(other["refresh_token"]))).status).toBe(200);
    expect(http.ends).toEqual([]);
  });

  test.each([
    ["0123456", "weak_password", "Password is too short"],
    [undefined, "weak_password", "Password is too short"],
    ["abc ".repeat(33), "password_too_long", "Password is longer than 128 characters"],
    ["bounds_20_13 1", "weak_password", "Password must not be your name or address"],
  ])("the new password %j is refused: %s", async (wanted, code, error) => {
    const name = `bounds_${String(wanted).length}_${code.length}`;
    const { bearer } = await http.signUp(name);
    const answer = await change(bearer, `password of ${name}`, wanted);
    expect([answer.status, answer.json()]).toMatchObject([400, { code, error }]);
    expect((await login(name, `password of ${name}`)).status).toBe(200);
  });

  test("of changes side by side one wins, and its password is the one that counts", async () => {
    const { bearer } = await http.signUp("racer");
    const wanted = ["the first password", "the second password", "the third password"];
    const answers = await Promise.all(wanted.map((text) => change(bearer, "password of racer", text)));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 401, 401]);
    const winner = wanted[answers.findIndex(({ status }) => status === 200)] ?? "";
    http.clock.now += 15 * 60_000;
    expect((await login("racer", winner)).status).toBe(200);
  });

  test("however a login with the old password and the change meet, no session of the old password stays", async () => {
    for (let round = 0; round < 6; round += 1) {
      const name = `meets_${round}`;
      const { bearer } = await http.signUp(name);
      const [entered, changed] = await Promise.all([
        login(name, `password of ${name}`),
        change(bearer, `password of ${name}`, "a better password"),
      ]);
      expect(changed.status).toBe(200);
      const { refresh_token: token = "none" } = entered.json() as { refresh_token?: string };
      expect((await http.refresh(token)).status).toBe(401);
    }
  });

  test("a session is opened only while the proven hash is stored, and waits for a change that is under way", async () => {
    const { id } = await http.signUp("overtaken");
    const sql = (text: string) => ({ name: "", text });
    const store = "update users set password_hash = $2 where id = $1";
    const open = { userId: id, userAgent: "", now: http.clock.now };
    await database.rows(store, [id, "first"]);
    let opened: Promise<number | undefined> = Promise.resolve(0);
    await database.db.transaction(async (queries) => {
      await queries.query(sql(store), [id, "second"]);
      let settled = false;
      opened = http.store.open({ ...open, tokenHash: "overtaken", passwordHash: "first" });
      void opened.finally(() => (settled = true));
      const blocked = sql("select 1 from pg_locks where not granted");
      while (!settled && (await queries.query(blocked, [])).length === 0);
      expect(settled).toBe(false);
    });
    expect(await opened).toBeUndefined();
    const next = await http.store.open({ ...open, tokenHash: "in time", passwordHash: "second" });
    expect(next).toEqual(expect.any(Number));
  });
});
