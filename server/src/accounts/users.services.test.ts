import { afterAll, beforeAll, expect, test } from "vitest";
import { describeDatabases } from "../../tests/fixtures/databases.ts";
import { lockObjects } from "../cache/locks.ts";
import { profileKey } from "./profile-cache.ts";
import { openAccounts, type SignedUp, type TestAccounts } from "../../tests/fixtures/accounts-server.ts";

interface ShownUser {
  id: number;
  username: string;
  email: string;
  full_name: string;
}

describeDatabases("users", (database) => {
  let http: TestAccounts;
  let nika: SignedUp;
  beforeAll(async () => {
    http = await openAccounts(database.db);
    nika = await http.signUp("Nika");
    await database.addHandle("some_handle");
  });
  afterAll(() => http[Symbol.asyncDispose]());

  const get = (path: string, headers: Record<string, string> = nika.bearer) => http.call("GET", path, { headers });
  const edit = (who: SignedUp, body: unknown) => http.call("PUT", "/api/users/me", { headers: who.bearer, body });
  const search = async (query: string): Promise<string[]> => {
    const answer = await get(`/api/users/search?${query}`);
    expect(answer.status).toBe(200);
    return (answer.json()["users"] as ShownUser[]).map(({ username }) => username);
  };

  test("users/me shows oneself with e-mail, and 304 for the tag in weak, strong and list form", async () => {
    const answer = await get("/api/users/me");
    expect(answer.json()["user"]).toMatchObject({ id: nika.id, username: "Nika", email: "nika@example.org" });
    const tag = answer.headers.etag ?? "";
    expect(tag).toMatch(new RegExp(`^W/"u-${nika.id}-\\d+"$`));
    for (const form of [tag, tag.slice(2), `"x", ${tag}`, tag.slice(3, -1)]) {
      const again = await get("/api/users/me", { ...nika.bearer, "if-none-match": form });
      expect([again.status, again.text, again.headers.etag]).toEqual([304, "", tag]);
    }
  });

  test("a block ends in the order of locks in which messages are sent", async () => {
    const [blocker, blocked] = [await http.signUp("blocker"), await http.signUp("blocked")];
    await http.call("POST", `/api/users/block/${blocked.id}`, { headers: blocker.bearer });
    const waiting = `select count(*)::int as n from pg_locks where locktype = 'advisory' and not granted
       and database = (select oid from pg_database where datname = current_database())`;
    const ended = await database.db.transaction(async (queries) => {
      await lockObjects(queries, [`conv:${blocker.id}:${blocked.id}`]);
      const unblocked = http.call("POST", `/api/users/unblock/${blocked.id}`, { headers: blocker.bearer });
      await expect.poll(() => database.rows(waiting)).toEqual([{ n: 1 }]);
      // As who writes to somebody for the first time.
      await lockObjects(queries, [profileKey(blocker.id)]);
      return [unblocked];
    });
    expect((await ended[0])?.status).toBe(200);
  });

  test("the tag changes with the profile, not with presence, not with an edit that changes nothing", async () => {
    const tagged = await http.signUp("tagged");
    const tag = async () => (await get("/api/users/me", tagged.bearer)).headers.etag;
    const first = await tag();
    await database.rows("update users set last_seen = now() where id = $1", [tagged.id]);
    await edit(tagged, {});
    await edit(tagged, { username: "tagged", full_name: "" });
    expect(await tag()).toBe(first);
    await edit(tagged, { full_name: "New" });
    const second = await tag();
    expect(second).not.toBe(first);
    await edit(tagged, { username: "TAGGED" });
    expect(await tag()).not.toBe(second);
  });

  test("an edit changes what is given; an empty or blank name stays", async () => {
    const editor = await http.signUp("editor");
    const shown = async (body: unknown) => {
      const { username, full_name } = (await edit(editor, body)).json()["user"] as ShownUser;
      return [username, full_name];
    };
    expect(await shown({ full_name: "  Ed Itor " })).toEqual(["editor", "Ed Itor"]);
    expect(await shown({ username: " editor2 " })).toEqual(["editor2", "Ed Itor"]);
    expect(await shown({ username: "", full_name: "   " })).toEqual(["editor2", "Ed Itor"]);
    expect(await shown({ username: null, full_name: null })).toEqual(["editor2", "Ed Itor"]);
    expect(await shown(null)).toEqual(["editor2", "Ed Itor"]);
    expect(await shown({ full_name: `${"é".repeat(128)}x` })).toEqual(["editor2", "é".repeat(128)]);
    expect(await shown({ full_name: "a\0" })).toEqual(["editor2", "a\ufffd"]);
    expect((await get("/api/users/editor")).status).toBe(404);
    expect((await get("/api/users/editor2")).status).toBe(200);
  });

  test.each(["   ", "ab", "a b c", "x".repeat(33), "ab\0c", "\ud800abc"])(
    "the new username %j is invalid",
    async (username) => {
      const answer = await edit(nika, { username });
      expect([answer.status, answer.json()]).toMatchObject([
        400,
        { code: "invalid_username", error: "Invalid username" },
      ]);
    },
  );

  test("a case-only rename is allowed, and a name that somebody or a group has is not", async () => {
    const renamer = await http.signUp("renamer");
    await database.addHandle("taken_handle");
    expect((await edit(renamer, { username: "ReNamer" })).json()["user"]).toMatchObject({ username: "ReNamer" });
    for (const username of ["NIKA", "Taken_Handle"]) {
      const answer = await edit(renamer, { username, full_name: "Not kept" });
      expect([answer.status, answer.json()]).toMatchObject([
        400,
        { code: "update_profile_failed", error: "username already taken" },
      ]);
    }
    expect((await get(`/api/users/${renamer.id}`)).json()["user"]).toMatchObject({
      username: "ReNamer",
      full_name: "",
    });
  });

  test("of 16 who take one name at once exactly one gets it, and a name that is given up is free", async () => {
    const people = await Promise.all(Array.from({ length: 16 }, (_, i) => http.signUp(`taker_${i}`)));
    const answers = await Promise.all(people.map((who) => edit(who, { username: "prize" })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const winner = people[answers.findIndex(({ status }) => status === 200)] ?? nika;
    await edit(winner, { username: "prize_2" });
    expect((await get("/api/users/check-username?username=PRIZE")).json()).toEqual({ available: true });
  });

  test("edits of different fields at once both stay", async () => {
    const both = await http.signUp("both");
    await Promise.all([edit(both, { username: "both_2" }), edit(both, { full_name: "Both" })]);
    expect((await get(`/api/users/${both.id}`)).json()["user"]).toMatchObject({
      username: "both_2",
      full_name: "Both",
    });
  });

  test.each([
    ["", 400, { code: "missing_username", error: "Username is required" }],
    ["?username=", 400, { code: "missing_username" }],
    ["?username=a+b", 400, { code: "invalid_username" }],
    ["?username=%00%00%00", 400, { code: "invalid_username" }],
    ["?username=nIkA", 200, { available: false }],
    ["?username=some_handle", 200, { available: false }],
    ["?username=free_name", 200, { available: true }],
  ])("check-username%s: %i", async (query, status, body) => {
    const answer = await http.call("GET", `/api/users/check-username${query}`);
    expect([answer.status, answer.json()]).toMatchObject([status, body]);
  });

  test("user by id and by name without case; others' e-mails are empty", async () => {
    const other = await http.signUp("Other");
    for (const identifier of [String(other.id), `0${other.id}`, "Other", "oTHER"]) {
      expect((await get(`/api/users/${identifier}`)).json()["user"]).toMatchObject({ id: other.id, email: "" });
    }
    expect((await get("/api/users/nika")).json()["user"]).toMatchObject({ email: "nika@example.org" });
  });

  test.each([
    ["0", 400, "invalid_user_id", "Invalid user ID"],
    ["000", 400, "invalid_user_id", "Invalid user ID"],
    ["999999999", 404, "user_not_found", "User not found"],
    ["9007199254740993", 404, "user_not_found", "User not found"],
    ["9".repeat(300), 404, "user_not_found", "User not found"],
    ["nobody", 404, "user_not_found", "User not found"],
    ["-1", 404, "user_not_found", "User not found"],
    ["%00", 404, "user_not_found", "User not found"],
    ["%ff%ed%a0%80", 404, "user_not_found", "User not found"],
  ])("user %s: %i %s", async (identifier, status, ...expected) => {
    const answer = await get(`/api/users/${identifier}`);
    expect([answer.status, answer.json()["code"], answer.json()["error"]]).toEqual([status, ...expected]);
  });

  test("EXPOSE_EMAILS shows them to everybody", async () => {
    await using open = await openAccounts(database.db, { EXPOSE_EMAILS: "true" });
    const other = await open.signUp("exposed");
    const answer = await open.call("GET", `/api/users/${nika.id}`, { headers: other.bearer });
    expect(answer.json()["user"]).toMatchObject({ email: "nika@example.org" });
  });

  test("search: missing q is refused, blank q finds nobody", async () => {
    for (const path of ["/api/users/search", "/api/users/search?q="]) {
      expect((await get(path)).json()).toMatchObject({ code: "missing_query", error: "Search query is required" });
    }
    expect(await search("q=+%20%09")).toEqual([]);
  });

  test("search: a part of username or full name, without case, the one named so first, others' e-mails hidden", async () => {
    const [zoe] = [await http.signUp("a_Zoe_1"), await http.signUp("zoe"), await http.signUp("b_zoE_2")];
    const fourth = await http.signUp("fourth");
    await edit(fourth, { full_name: "Chloé ZOE" });
    expect(await search("q=+ZOe+")).toEqual(["zoe", "a_Zoe_1", "b_zoE_2", "fourth"]);
    expect(await search(`q=${encodeURIComponent("chloé z")}`)).toEqual(["fourth"]);
    const answer = await get("/api/users/search?q=zoe", zoe.bearer);
    const emails = (answer.json()["users"] as ShownUser[]).map(({ email }) => email);
    expect(emails).toEqual(["", "a_zoe_1@example.org", "", ""]);
  });

  test("search: %, _ and \\ mean themselves", async () => {
    const signs = await http.signUp("signs");
    await edit(signs, { full_name: String.raw`50%_a\b` });
    for (const text of ["%", "50%_", String.raw`\b`, String.raw`a\b`]) {
      expect(await search(`q=${encodeURIComponent(text)}`)).toContain("signs");
    }
    expect(await search("q=5%25a")).toEqual([]);
    expect(await search("q=s_gns")).toEqual([]);
    expect(await search(`q=${encodeURIComponent("\\")}`)).toEqual(["signs"]);
  });

  test("search limits: 1 to 50, anything else is 20", async () => {
    await Promise.all(Array.from({ length: 55 }, (_, i) => http.signUp(`crowd_${i}`)));
    for (const [limit, found] of [
      ["", 20],
      ["&limit=1", 1],
      ["&limit=50", 50],
      ["&limit=51", 20],
      ["&limit=0", 20],
      ["&limit=-1", 20],
      ["&limit=5.5", 20],
      ["&limit=x", 20],
      ["&limit=%00", 20],
      ["&limit=99999999999999999999", 20],
    ] as const) {
      expect([limit, await search(`q=crowd${limit}`)]).toMatchObject([limit, { length: found }]);
    }
  });

  test.each(["%00", "a%00b", "%ed%a0%80", "%ff", "%", "%zz", "x".repeat(8000)])(
    "search for %s finds nobody and breaks nothing",
    async (text) => {
      // A lone % means itself.
      expect((await search(`q=none${text}`)).length).toBe(0);
    },
  );
});
