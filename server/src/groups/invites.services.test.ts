import { afterAll, beforeAll, expect, test } from "vitest";
import { describeDatabases } from "../../tests/fixtures/databases.ts";
import { openGroups, type Person, type TestGroups } from "../../tests/fixtures/groups-server.ts";

interface Link {
  token: string;
  expires_at: string | null;
}

describeDatabases("invites (§2.9.9, §2.9.10)", (database) => {
  let http: TestGroups;
  let nika: Person;
  let bea: Person;
  let cyd: Person;
  beforeAll(async () => {
    http = await openGroups(database);
    [nika, bea, cyd] = (await http.people(3)) as [Person, Person, Person];
  });
  afterAll(() => http[Symbol.asyncDispose]());

  const path = (id: number) => `/api/groups/${id}/invite-links`;
  const invite = async (id: number, body: unknown = {}): Promise<Link> => {
    const [status, link] = await http.ask(nika, "POST", path(id), body);
    expect(status).toBe(200);
    return link as Link;
  };
  const preview = (token: string) => http.ask(undefined, "GET", `/api/join/${token}`);
  const join = (who: Person, token: string) => http.ask(who, "POST", `/api/join/${token}`);

  test("a link: 24 characters of base64url, for ever and for all unless said otherwise", async () => {
    const id = await http.group(nika);
    const link = await invite(id);
    expect(link).toEqual({
      expires_at: null,
      join_path: `/join/${link.token}`,
      join_url: "",
      max_uses: null,
      token: expect.stringMatching(/^[\w-]{24}$/),
    });
    for (const seconds of [null, 0, -5]) {
      expect(await invite(id, { single_use: null, expires_in_seconds: seconds })).toMatchObject({
        expires_at: null,
        max_uses: null,
      });
    }
    const { expires_at: at, ...once } = await invite(id, { single_use: true, expires_in_seconds: 3_600 });
    expect(once).toMatchObject({ max_uses: 1 });
    const left = Date.parse(at ?? "") - Date.now();
    expect(left > 3_000_000 && left < 4_200_000).toBe(true);
    // Far away is the end of the scale, not an error.
    expect((await invite(id, { expires_in_seconds: Number.MAX_SAFE_INTEGER })).expires_at).toMatch(/^2\d{3}-/);
  });

  test("join_url begins with PUBLIC_JOIN_BASE_URL", async () => {
    await using open = await openGroups(database, { PUBLIC_JOIN_BASE_URL: "https://chat.example.org/" });
    const id = await open.group(nika);
    const [, link] = await open.ask(nika, "POST", path(id), {});
    const { token, join_url: url } = link as { token: string; join_url: string };
    expect(url).toBe(`https://chat.example.org/join/${token}`);
    const [, listed] = await open.ask(nika, "GET", path(id));
    expect(listed).toMatchObject({ invite_links: [{ join_url: url }] });
  });

  test("only admins make links, and a JSON body is required", async () => {
    const id = await http.group(nika);
    await http.ask(nika, "POST", `/api/groups/${id}/members`, { user_id: bea.id });
    expect(await http.ask(bea, "POST", path(id), {})).toEqual([400, { error: "forbidden" }]);
    expect(await http.ask(cyd, "POST", path(id), {})).toEqual([400, { error: "record not found" }]);
    expect(await http.ask(nika, "POST", path(999_999), {})).toEqual([400, { error: "record not found" }]);
    for (const body of [undefined, { single_use: "yes" }, { expires_in_seconds: "60" }, { expires_in_seconds: 1.5 }]) {
      expect(await http.ask(nika, "POST", path(id), body)).toEqual([400, { error: "Invalid request body" }]);
    }
  });

  test("the preview is public and tells nothing of people", async () => {
    const id = await http.group(nika);
    await http.ask(nika, "PUT", `/api/groups/${id}`, { description: "quiet" });
    const link = await invite(id, { single_use: true, expires_in_seconds: 60 });
    expect(await preview(link.token)).toEqual([
      200,
      {
        expires_at: link.expires_at,
        group: { description: "quiet", handle: null, icon: "", id, is_public: false, name: "A group" },
        max_uses: 1,
        requires_auth: true,
        used_count: 0,
      },
    ]);
    await http.ask(nika, "PUT", `/api/groups/${id}`, { is_public: true, handle: "previewed" });
    expect(await preview(link.token)).toMatchObject([200, { group: { handle: "previewed", is_public: true } }]);
  });

  test("joining answers with the group as it was before; a member gets the same and takes no use", async () => {
    const id = await http.group(nika);
    const { token } = await invite(id);
    const [status, body] = await join(bea, token);
    const none = { id: 0, username: "", created_at: "0001-01-01T00:00:00Z", last_seen: null, is_online: false };
    const asBefore = {
      id,
      creator: { id: nika.id, username: nika.name, email: "" },
      members: [{ group_id: id, user_id: nika.id, role: "admin", user: none }],
    };
    expect([status, body]).toMatchObject([200, asBefore]);
    expect((body as { members: unknown[] }).members).toHaveLength(1);
    const count = http.events.length;
    const [again, same] = await join(bea, token);
    expect([again, (same as { members: unknown[] }).members.length]).toEqual([200, 2]);
    expect(http.events).toHaveLength(count);
    expect(await preview(token)).toMatchObject([200, { used_count: 1 }]);
    expect(await http.members(id)).toEqual([`${nika.id}*`, `${bea.id}`]);
    expect(http.events.at(-1)).toMatchObject({
      kind: "joined",
      groupId: id,
      userIds: [bea.id],
      actorId: bea.id,
      ver: 2,
    });
  });

  test("unknown, revoked, expired and exhausted links, in that order, for preview and join alike", async () => {
    const id = await http.group(nika);
    const { token } = await invite(id, { single_use: true });
    const both = async (error: string) => {
      expect([await preview(token), await join(cyd, token)]).toEqual([
        [400, { error }],
        [400, { error }],
      ]);
    };
    expect((await join(bea, token))[0]).toBe(200);
    await both("invite link exhausted");
    await database.rows("update invites set expires_at = now() where token = $1", [token]);
    await both("invite link expired");
    await database.rows("update invites set revoked_at = now() where token = $1", [token]);
    await both("invite link revoked");
    for (const unknown of ["nothing", "%00", "a.b", "x".repeat(500)]) {
      expect(await preview(unknown)).toEqual([400, { error: "record not found" }]);
      expect(await join(cyd, unknown)).toEqual([400, { error: "record not found" }]);
    }
    expect(await http.members(id)).toEqual([`${nika.id}*`, `${bea.id}`]);
  });

  test("a join that fails takes no use", async () => {
    const [gone] = (await http.people(1)) as [Person];
    const id = await http.group(nika);
    const { token } = await invite(id, { single_use: true });
    await database.rows("update users set deleted_at = now() where id = $1", [gone.id]);
    expect((await join(gone, token))[0]).toBe(401);
    expect(await preview(token)).toMatchObject([200, { used_count: 0 }]);
  });

  test("admins list what still admits somebody and revoke it; nobody else does", async () => {
    const id = await http.group(nika);
    const other = await http.group(nika);
    const [first, used, late, second] = [
      await invite(id),
      await invite(id, { single_use: true }),
      await invite(id),
      await invite(id),
    ];
    await join(bea, used.token);
    await database.rows("update invites set expires_at = now() where token = $1", [late.token]);
    const [status, body] = await http.ask(nika, "GET", path(id));
    const shown = (link: Link) => ({
      ...link,
      created_at: expect.stringMatching(/Z$/),
      created_by: nika.id,
      used_count: 0,
    });
    expect([status, body]).toEqual([200, { invite_links: [shown(second), shown(first)] }]);

    const revoke = (who: Person, token: string, group = id) => http.ask(who, "DELETE", `${path(group)}/${token}`);
    for (const [who, group] of [
      [bea, id],
      [cyd, id],
    ] as const) {
      expect(await http.ask(who, "GET", path(group))).toEqual([403, { error: "Forbidden" }]);
      expect(await revoke(who, first.token)).toEqual([403, { error: "Forbidden" }]);
    }
    expect(await http.ask(nika, "GET", path(999_999))).toEqual([404, { error: "Group not found" }]);
    expect(await revoke(nika, first.token, other)).toEqual([400, { error: "record not found" }]);
    expect(await revoke(nika, "nothing")).toEqual([400, { error: "record not found" }]);
    for (let i = 0; i < 2; i += 1) {
      expect(await revoke(nika, first.token)).toEqual([200, { message: "Invite link revoked" }]);
    }
    expect(await join(cyd, first.token)).toEqual([400, { error: "invite link revoked" }]);
    expect(await http.ask(nika, "GET", path(id))).toEqual([200, { invite_links: [shown(second)] }]);
  });
});
