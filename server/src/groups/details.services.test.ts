import { afterAll, beforeAll, expect, test } from "vitest";
import { describeDatabases } from "../../tests/fixtures/databases.ts";
import { openGroups, zeroUser, type Person, type TestGroups } from "../../tests/fixtures/groups-server.ts";

const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$/;

describeDatabases("groups: what they say of themselves (§2.9.1 to §2.9.4)", (database) => {
  let http: TestGroups;
  let nika: Person;
  let other: Person;
  beforeAll(async () => {
    http = await openGroups(database);
    const people = await http.people(2);
    [nika, other] = [people[0] as Person, people[1] as Person];
  });
  afterAll(() => http[Symbol.asyncDispose]());

  const create = (body: unknown, who = nika) => http.ask(who, "POST", "/api/groups", body);
  const get = (path: string, who = nika) => http.ask(who, "GET", path);
  const edit = (id: number, body: unknown, who = nika) => http.ask(who, "PUT", `/api/groups/${id}`, body);
  const found = async (query: string): Promise<unknown[]> => {
    const [status, body] = await get(`/api/groups/public/search?${query}`);
    expect(status).toBe(200);
    return (body as { groups: { handle: string }[] }).groups.map(({ handle }) => handle);
  };

  test("a private group: 201 with the creator, and one member whose nested user is the zero object", async () => {
    const [status, body] = await create({ name: "Home", description: "of us", is_public: false, handle: "ignored!" });
    const { id } = body as { id: number };
    const times = { created_at: expect.stringMatching(time), updated_at: expect.stringMatching(time) };
    expect([status, body]).toEqual([
      201,
      {
        id,
        ...times,
        name: "Home",
        description: "of us",
        icon: "",
        creator_id: nika.id,
        member_count: 1,
        is_public: false,
        creator: {
          id: nika.id,
          ...times,
          username: nika.name,
          email: `${nika.name}@example.org`,
          full_name: "",
          avatar: "",
          role: "user",
          is_online: false,
          last_seen: null,
        },
        members: [
          {
            group_id: id,
            user_id: nika.id,
            role: "admin",
            joined_at: expect.stringMatching(time),
            user: zeroUser,
          },
        ],
      },
    ]);
    const [state] = await database.rows("select list_ver from user_state where user_id = $1", [nika.id]);
    expect(state).toEqual({ list_ver: 1 });
  });

  test.each([
    [{}, 400, "Group name is required"],
    [null, 400, "Group name is required"],
    [{ name: null }, 400, "Group name is required"],
    [{ name: "" }, 400, "Group name is required"],
    [{ name: 5 }, 400, "Invalid request body"],
    [{ name: "x", is_public: "yes" }, 400, "Invalid request body"],
    ["not json", 400, "Invalid request body"],
    [{ name: "x", is_public: true }, 400, "Invalid handle"],
    [{ name: "x", is_public: true, handle: "ab" }, 400, "Invalid handle"],
    [{ name: "x", is_public: true, handle: "a b c" }, 400, "Invalid handle"],
    [{ name: "x", is_public: true, handle: "ژژژژ" }, 400, "Invalid handle"],
    [{ name: "x", is_public: true, handle: "x".repeat(33) }, 400, "Invalid handle"],
    [{ name: "x".repeat(101) }, 500, "Failed to create group"],
    [{ name: "x", description: "x".repeat(256) }, 500, "Failed to create group"],
  ])("creation with %j: %i %s", async (body, status, error) => {
    expect(await create(body)).toEqual([status, { error }]);
  });

  test.each([
    "\u0430dmin",
    "群組聊天",
    "abc\u0661\u0662",
    "\uff41\uff42\uff43",
    "\u212Aelvin",
    "ab\u200bc",
    "\u202eabc",
    "cafe\u0301",
    "abc🦊",
  ])("a handle in another script, such as %j, is none: not to create, to check, to edit or to find", async (handle) => {
    const body = { name: "x", is_public: true, handle };
    const made = (await create({ name: "mine" }))[1] as { id: number };
    const path = encodeURIComponent(handle);
    const answers = [
      await create(body),
      await edit(made.id, { ...body, description: "" }),
      await get(`/api/groups/check-handle?handle=${path}`),
      await get(`/api/groups/handle/${path}`),
      await http.ask(other, "POST", `/api/groups/handle/${path}/join`),
    ];
    expect(answers).toEqual(answers.map(() => [400, { error: "Invalid handle" }]));
  });

  test("spaces are a name; 100 and 255 characters of any size fit; what nobody can see is left out, or no name", async () => {
    const [, body] = await create({ name: " ", description: "" });
    expect(body).toMatchObject({ name: " " });
    const [status, long] = await create({ name: "🦊".repeat(100), description: "é".repeat(255) });
    expect([status, long]).toMatchObject([201, { name: "🦊".repeat(100), description: "é".repeat(255) }]);
    const [, clean] = await create({ name: "a\0\u202e\nb", description: "one\ntwo\u0007" });
    expect(clean).toMatchObject({ name: "a\ufffd b", description: "one\ntwo" });
    const unseen = await create({ name: "\u200b" });
    expect(unseen).toEqual([400, { error: "Group name is required" }]);
  });

  test("a public group has a handle, trimmed, case kept; handles and usernames are one namespace without case", async () => {
    const [status, body] = await create({ name: "Public", is_public: true, handle: " Cafe_1 " });
    expect([status, body]).toMatchObject([201, { is_public: true, handle: "Cafe_1" }]);
    expect(await create({ name: "x", is_public: true, handle: "cAFE_1" })).toEqual([
      400,
      { error: "handle already taken" },
    ]);
    await http.ask(other, "PUT", "/api/users/me", { username: "Somebody" });
    expect(await create({ name: "x", is_public: true, handle: "SOMEBODY" })).toEqual([
      400,
      { error: "handle already taken" },
    ]);
    expect(await http.ask(other, "PUT", "/api/users/me", { username: "CAFE_1" })).toMatchObject([
      400,
      { error: "username already taken" },
    ]);
    // Nothing is left of a creation that failed.
    const [rows] = await database.rows<{ n: number }>("select count(*) as n from groups where name = 'x'");
    expect(rows?.n).toBe(0);
  });

  test("an account that is closed creates nothing", async () => {
    const [gone] = (await http.people(1)) as [Person];
    await database.rows("update users set deleted_at = now() where id = $1", [gone.id]);
    expect((await create({ name: "x" }, gone))[0]).toBe(401);
  });

  test("my groups: an array with members null, [] when there is none; without those left", async () => {
    const [person] = (await http.people(1)) as [Person];
    expect(await get("/api/groups", person)).toEqual([200, []]);
    const [first, second, third] = [await http.group(person), await http.group(person), await http.group(nika)];
    await http.ask(nika, "POST", `/api/groups/${third}/members`, { user_id: person.id });
    await http.ask(person, "POST", `/api/groups/${second}/leave`);
    const [, body] = await get("/api/groups", person);
    expect(body).toMatchObject([
      { id: third, members: null, creator: { id: nika.id, email: "" } },
      { id: first, members: null, creator: { id: person.id, email: `${person.name}@example.org` } },
    ]);
    expect((body as object[])[0]).not.toHaveProperty("handle");
  });

  test("EXPOSE_EMAILS shows the creator's address, and a closed account is the zero object", async () => {
    await using open = await openGroups(database, { EXPOSE_EMAILS: "true" });
    const [person] = (await http.people(1)) as [Person];
    const id = await http.group(person, "exposed_1");
    const address = async () => {
      const [, body] = await open.ask(nika, "GET", "/api/groups/handle/exposed_1");
      return (body as { creator: unknown }).creator;
    };
    expect(await address()).toMatchObject({ email: `${person.name}@example.org` });
    await database.rows("update users set deleted_at = now() where id = $1", [person.id]);
    expect(await address()).toMatchObject({ id: 0, username: "", email: "", created_at: "0001-01-01T00:00:00Z" });
    expect(id).toBeGreaterThan(0);
  });

  test("search: missing or blank q is refused", async () => {
    for (const query of ["", "?q=", "?q=+%09"]) {
      expect(await get(`/api/groups/public/search${query}`)).toEqual([400, { error: "Search query is required" }]);
    }
  });

  test("search: public groups by a part of name or handle, without case, those named so first, members null", async () => {
    for (const [name, handle] of [
      ["zebra lovers", "b_zoo"],
      ["ZEBRA", "c_zoo"],
      ["x", "zebra"],
      ["y", "a_zebra_x"],
    ]) {
      await create({ name, is_public: true, handle });
    }
    await create({ name: "zebra of ours" });
    expect(await found("q=+zEBra+")).toEqual(["c_zoo", "zebra", "a_zebra_x", "b_zoo"]);
    expect(await found("q=nobody")).toEqual([]);
    const [, body] = await get("/api/groups/public/search?q=b_zoo");
    expect(body).toMatchObject({ groups: [{ handle: "b_zoo", members: null, creator: { id: nika.id } }] });
  });

  test("search: %, _ and \\ mean themselves", async () => {
    await create({ name: String.raw`50%_a\b`, is_public: true, handle: "signs" });
    for (const text of ["50%_", String.raw`a\b`, "\\"]) {
      expect(await found(`q=${encodeURIComponent(text)}`)).toEqual(["signs"]);
    }
    expect(await found("q=5%25a")).toEqual([]);
    expect(await found("q=s_gns")).toEqual([]);
    expect((await get("/api/groups/public/search?q=%00"))[0]).toBe(400);
  });

  test("search limits: 1 to 50, anything else is 20", async () => {
    for (let i = 0; i < 55; i += 1) await create({ name: "crowd", is_public: true, handle: `crowd_${i}` });
    for (const [limit, count] of [
      ["", 20],
      ["&limit=1", 1],
      ["&limit=50", 50],
      ["&limit=51", 20],
      ["&limit=0", 20],
      ["&limit=x", 20],
    ] as const) {
      expect([limit, await found(`q=crowd${limit}`)]).toMatchObject([limit, { length: count }]);
    }
  });

  test("by handle, without case; private and unknown ones are not found", async () => {
    const id = await http.group(nika, "By_Handle");
    expect(await get("/api/groups/handle/bY_hANDLE", other)).toMatchObject([
      200,
      { id, handle: "By_Handle", members: null },
    ]);
    expect(await get("/api/groups/handle/a%20b")).toEqual([400, { error: "Invalid handle" }]);
    expect(await get("/api/groups/handle/nobody")).toEqual([404, { error: "Group not found" }]);
    expect(await get(`/api/groups/handle/${nika.name}`)).toEqual([404, { error: "Group not found" }]);
    await edit(id, { is_public: false });
    expect(await get("/api/groups/handle/by_handle")).toEqual([404, { error: "Group not found" }]);
  });

  test("check-handle: free or not among users and groups; one's own group may be left out", async () => {
    const id = await http.group(nika, "Checked");
    const check = (query: string) => get(`/api/groups/check-handle${query}`);
    expect(await check("?handle=cHECKED")).toEqual([200, { available: false }]);
    expect(await check(`?handle=checked&exclude_group_id=${id}`)).toEqual([200, { available: true }]);
    expect(await check(`?handle=checked&exclude_group_id=${id + 1}`)).toEqual([200, { available: false }]);
    expect(await check("?handle=checked&exclude_group_id=")).toEqual([200, { available: false }]);
    expect(await check("?handle=unchecked")).toEqual([200, { available: true }]);
    await http.ask(other, "PUT", "/api/users/me", { username: "user_name_1" });
    expect(await check(`?handle=USER_NAME_1&exclude_group_id=${id}`)).toEqual([200, { available: false }]);
    for (const query of ["", "?handle=", "?handle=a+b"]) {
      expect(await check(query)).toEqual([400, { error: "Invalid handle" }]);
    }
    expect(await check("?handle=checked&exclude_group_id=x")).toEqual([400, { error: "Invalid group ID" }]);
  });

  test("an edit changes what is given, raises the version once and says so once", async () => {
    const id = await http.group(nika);
    const seen = http.events.length;
    const [status, body] = await edit(id, { name: "New", description: "d" });
    expect([status, body]).toMatchObject([200, { id, name: "New", description: "d", is_public: false, members: null }]);
    expect(await edit(id, { description: "" })).toMatchObject([200, { name: "New", description: "" }]);
    expect(await edit(id, { name: null })).toMatchObject([200, { name: "New" }]);
    expect(await edit(id, {})).toMatchObject([200, { name: "New" }]);
    const change = { groupId: id, kind: "changed", userIds: [], actorId: nika.id, seq: 0 };
    expect(http.events.slice(seen)).toMatchObject([
      { ...change, ver: 2 },
      { ...change, ver: 3 },
    ]);
    const rows = await database.rows(
      `select c.ver, u.list_ver, g.updated_at > g.created_at as touched from groups g
       join conversations c on c.group_id = g.id join user_state u on u.user_id = g.creator_id where g.id = $1`,
      [id],
    );
    // The list of a member is not touched by a rename.
    const [lists] = await database.rows<{ n: number }>("select count(*) as n from participants where user_id = $1", [
      nika.id,
    ]);
    expect(rows).toMatchObject([{ ver: 3, touched: true, list_ver: lists?.n }]);
  });

  test("a handle is changed, kept, recased, given back and taken again", async () => {
    const id = await http.group(nika, "Handle_a");
    const rival = await http.group(other);
    const publish = (handle?: string) => edit(rival, { is_public: true, handle }, other);
    expect(await publish()).toEqual([400, { error: "Invalid handle" }]);
    expect(await publish("HANDLE_A")).toEqual([400, { error: "handle already taken" }]);
    expect(await edit(id, { name: "n", is_public: true })).toMatchObject([200, { handle: "Handle_a", name: "n" }]);
    expect(await edit(id, { handle: "HANDLE_A" })).toMatchObject([200, { handle: "HANDLE_A" }]);
    expect(await edit(id, { handle: "handle_b" })).toMatchObject([200, { handle: "handle_b" }]);
    expect(await publish("handle_a")).toMatchObject([200, { handle: "handle_a", is_public: true }]);
    expect(await edit(id, { handle: "Handle_A", name: "not kept" })).toEqual([400, { error: "handle already taken" }]);
    expect(await get("/api/groups/handle/handle_b")).toMatchObject([200, { name: "n" }]);
    const [, closed] = await edit(rival, { is_public: false, handle: "handle_x" }, other);
    expect(closed).toMatchObject({ is_public: false });
    expect(closed).not.toHaveProperty("handle");
    expect(await edit(id, { handle: "handle_a" })).toMatchObject([200, { handle: "handle_a" }]);
    expect(await edit(rival, { handle: "handle_c" }, other)).toMatchObject([200, { is_public: false }]);
    expect(await get("/api/groups/check-handle?handle=handle_c")).toEqual([200, { available: true }]);
  });

  test.each([
    [{ name: "" }, 400, "Group name is required"],
    [{ name: "x".repeat(101) }, 400, "Group name or description is too long"],
    [{ description: "x".repeat(256) }, 400, "Group name or description is too long"],
    [{ is_public: true, handle: "a" }, 400, "Invalid handle"],
    [{ is_public: true, handle: "" }, 400, "Invalid handle"],
    [{ name: 1 }, 400, "Invalid request body"],
  ])("an edit with %j: %i %s", async (body, status, error) => {
    const id = await http.group(nika);
    expect(await edit(id, body)).toEqual([status, { error }]);
  });

  test("only admins edit; nobody edits what is not there", async () => {
    const id = await http.group(nika);
    expect(await edit(id, { name: "x" }, other)).toEqual([403, { error: "Forbidden" }]);
    await http.ask(nika, "POST", `/api/groups/${id}/members`, { user_id: other.id });
    expect(await edit(id, { name: "x" }, other)).toEqual([403, { error: "Forbidden" }]);
    expect(await edit(999_999, { name: "x" })).toEqual([404, { error: "Group not found" }]);
  });

  test.each([
    ["PUT", "", {}],
    ["POST", "/join", undefined],
    ["POST", "/leave", undefined],
    ["GET", "/members", undefined],
    ["POST", "/members", { user_id: 1 }],
    ["PUT", "/members/1", { role: "member" }],
    ["DELETE", "/members/1", undefined],
    ["POST", "/invite-links", {}],
    ["GET", "/invite-links", undefined],
    ["DELETE", "/invite-links/x", undefined],
  ])("%s /groups/:id%s: an id that is no unsigned decimal is invalid", async (method, path, body) => {
    for (const id of ["x", "-1", "1.5", "0x1", "9007199254740993", "%31"]) {
      expect(await http.ask(nika, method, `/api/groups/${id}${path}`, body)).toEqual([
        400,
        { error: "Invalid group ID" },
      ]);
    }
  });

  test("without a token every route but the preview is 401 in the standard shape", async () => {
    expect(await http.ask(undefined, "POST", "/api/groups", { name: "x" })).toMatchObject([
      401,
      { code: "missing_access_token" },
    ]);
    expect(await http.ask(undefined, "GET", "/api/join/nothing")).toEqual([400, { error: "record not found" }]);
    expect(await http.ask(undefined, "POST", "/api/join/nothing")).toMatchObject([401, {}]);
  });
});
