import { afterAll, beforeAll, expect, test } from "vitest";
import { describeDatabases } from "../../tests/fixtures/databases.ts";
import { openGroups, type Person, type TestGroups } from "../../tests/fixtures/groups-server.ts";
import { leaveAllGroups } from "./leave-group.ts";

type Four = [Person, Person, Person, Person];

/** Before a change by hand, which would be a version more: the guard of the cache sees to that. */
const unguarded = "with unguarded as materialized (select set_config('om.marked', '1', true))";

describeDatabases("groups: who is in them (§2.9.5 to §2.9.8, §7.4)", (database) => {
  let http: TestGroups;
  let [nika, bea, cyd, dan]: Person[] = [];
  const four = (): Four => [nika as Person, bea as Person, cyd as Person, dan as Person];
  beforeAll(async () => {
    http = await openGroups(database);
    [nika, bea, cyd, dan] = await http.people(4);
  });
  afterAll(() => http[Symbol.asyncDispose]());

  const join = (who: Person, id: number) => http.ask(who, "POST", `/api/groups/${id}/join`);
  const leave = (who: Person, id: number) => http.ask(who, "POST", `/api/groups/${id}/leave`);
  const list = (who: Person, id: number) => http.ask(who, "GET", `/api/groups/${id}/members`);
  const add = (by: Person, id: number, who: { id: number }) =>
    http.ask(by, "POST", `/api/groups/${id}/members`, { user_id: who.id });
  const remove = (by: Person, id: number, who: { id: number }) =>
    http.ask(by, "DELETE", `/api/groups/${id}/members/${who.id}`);
  const setRole = (by: Person, id: number, who: { id: number }, role: string) =>
    http.ask(by, "PUT", `/api/groups/${id}/members/${who.id}`, { role });
  const listVer = async (who: Person): Promise<number> => {
    const [row] = await database.rows<{ list_ver: number }>("select list_ver from user_state where user_id = $1", [
      who.id,
    ]);
    return row?.list_ver ?? -1;
  };
  /** What was announced about a group, without ids that the test knows. */
  const told = (id: number) =>
    http.events
      .filter(({ groupId }) => groupId === id)
      .map(({ kind, ver, userIds, actorId }) => [kind, ver, userIds, actorId] as const);

  let handles = 0;
  const newHandle = (): string => `circle_${(handles += 1)}`;

  test("join by id: 200 once, then already a member; unknown and private groups", async () => {
    const [nika, bea] = four();
    const id = await http.group(nika, newHandle());
    expect(await join(bea, id)).toEqual([200, { message: "Joined group successfully" }]);
    expect(await join(bea, id)).toEqual([400, { error: "user is already a member of this group" }]);
    expect(await join(bea, 999_999)).toEqual([400, { error: "record not found" }]);
    expect(await join(bea, 0)).toEqual([400, { error: "record not found" }]);
    const closed = await http.group(nika);
    expect(await join(bea, closed)).toEqual([400, { error: "group is private" }]);
    expect(await join(nika, closed)).toEqual([400, { error: "group is private" }]);
    expect(await http.members(id)).toEqual([`${nika.id}*`, `${bea.id}`]);
  });

  test("join by handle, without case: 200 with the group and members null; the body is not read", async () => {
    const [nika, bea] = four();
    const handle = newHandle();
    const id = await http.group(nika, handle);
    const path = (name: string) => `/api/groups/handle/${name}/join`;
    expect(await http.ask(bea, "POST", path(handle.toUpperCase()), "not json")).toMatchObject([
      200,
      { id, handle, members: null, creator: { id: nika.id, email: "" } },
    ]);
    expect(await http.ask(bea, "POST", path(handle))).toEqual([
      400,
      { error: "user is already a member of this group" },
    ]);
    expect(await http.ask(bea, "POST", path("a!"))).toEqual([400, { error: "Invalid handle" }]);
    expect(await http.ask(bea, "POST", path("unknown_handle"))).toEqual([400, { error: "record not found" }]);
  });

  test("a new member has read everything, sees all history, and only its own list changes", async () => {
    const [nika, bea] = four();
    const id = await http.group(nika, newHandle());
    await database.rows(`${unguarded} update conversations set seq = 40, ver = 50 from unguarded where group_id = $1`, [
      id,
    ]);
    const before = [await listVer(nika), await listVer(bea)];
    await join(bea, id);
    expect([await listVer(nika), await listVer(bea)]).toEqual([before[0], (before[1] ?? 0) + 1]);
    const state = () =>
      database.rows(
        `select p.joined_seq, p.read_seq, p.delivered_seq, p.cleared_seq, p.sent, p.sent_at_read, p.skipped, p.delivered_ver,
           p.last_visible_id, p.role, p.left_at is null as inside, p.changed_xid = c.changed_xid as stamped, c.ver, c.seq
         from participants p join conversations c on c.id = p.conversation_id where c.group_id = $1 and p.user_id = $2`,
        [id, bea.id],
      );
    const fresh = { joined_seq: 40, read_seq: 40, delivered_seq: 40, skipped: 0, last_visible_id: null, inside: true };
    expect(await state()).toEqual([
      {
        ...fresh,
        cleared_seq: 0,
        sent: 0,
        sent_at_read: 0,
        delivered_ver: 51,
        role: "member",
        stamped: true,
        ver: 51,
        seq: 40,
      },
    ]);
    // What one wrote and cleared before leaving is kept; nothing is unread after coming back.
    await database.rows(
      `${unguarded} update participants
       set sent = 7, sent_at_read = 3, skipped = 2, cleared_seq = 9, last_visible_id = 5, last_visible_at = now(), role = 'admin' from unguarded
       where user_id = $1 and conversation_id = (select id from conversations where group_id = $2)`,
      [bea.id, id],
    );
    await leave(bea, id);
    expect(await state()).toMatchObject([{ inside: false, stamped: true, ver: 52 }]);
    await database.rows(`${unguarded} update conversations set seq = 44 from unguarded where group_id = $1`, [id]);
    await join(bea, id);
    expect(await state()).toMatchObject([
      {
        joined_seq: 44,
        read_seq: 44,
        delivered_seq: 44,
        skipped: 0,
        last_visible_id: null,
        inside: true,
        stamped: true,
      },
    ]);
    expect(await state()).toMatchObject([
      { cleared_seq: 9, sent: 7, sent_at_read: 7, delivered_ver: 53, role: "member" },
    ]);
    expect(await listVer(bea)).toBe((before[1] ?? 0) + 3);
    expect(told(id)).toEqual([
      ["joined", 1, [nika.id], nika.id],
      ["joined", 51, [bea.id], bea.id],
      ["left", 52, [bea.id], bea.id],
      ["joined", 53, [bea.id], bea.id],
    ]);
  });

  test("an event tells conversation, version and number of messages as they are stored", async () => {
    const [nika, bea] = four();
    const id = await http.group(nika, newHandle());
    await database.rows("update conversations set seq = 3 where group_id = $1", [id]);
    await join(bea, id);
    const stored = await database.rows("select id, ver, seq from conversations where group_id = $1", [id]);
    const { conversationId, ver, seq } = http.events.at(-1) ?? {};
    expect([{ id: conversationId, ver, seq }]).toEqual(stored);
  });

  test("leave: always 200 for a well-formed id; only a real one changes anything", async () => {
    const [nika, bea] = four();
    const id = await http.group(nika, newHandle());
    await join(bea, id);
    const done = [200, { message: "Left group successfully" }];
    const before = await listVer(bea);
    expect(await leave(bea, id)).toEqual(done);
    expect(await leave(bea, id)).toEqual(done);
    expect(await leave(bea, 999_999)).toEqual(done);
    expect(await listVer(bea)).toBe(before + 1);
    expect(told(id).map(([kind]) => kind)).toEqual(["joined", "joined", "left"]);
    expect(await http.members(id)).toEqual([`${nika.id}*`]);
  });

  test("when the last admin leaves the oldest member becomes one", async () => {
    const [nika, bea, cyd] = four();
    const id = await http.group(nika, newHandle());
    await join(cyd, id);
    await join(bea, id);
    await leave(nika, id);
    expect(await http.members(id)).toEqual([`${cyd.id}*`, `${bea.id}`]);
    const [promoted] = await database.rows<{ stamped: boolean }>(
      `select p.changed_xid = c.changed_xid as stamped from participants p join conversations c on c.id = p.conversation_id
       where c.group_id = $1 and p.user_id = $2`,
      [id, cyd.id],
    );
    expect(promoted).toEqual({ stamped: true });
    // Coming back does not make one an admin again; an admin that leaves beside another changes no role.
    await join(nika, id);
    await setRole(cyd, id, bea, "admin");
    await leave(cyd, id);
    expect(await http.members(id)).toEqual([`${bea.id}*`, `${nika.id}`]);
  });

  test("a group that the last member left is closed: private, its handle free, its links revoked", async () => {
    const [nika, bea] = four();
    const handle = newHandle();
    const id = await http.group(nika, handle);
    const [, link] = await http.ask(nika, "POST", `/api/groups/${id}/invite-links`, {});
    await leave(nika, id);
    expect(await join(bea, id)).toEqual([400, { error: "group is private" }]);
    expect(await http.ask(bea, "GET", `/api/groups/handle/${handle}`)).toMatchObject([404, {}]);
    expect(await http.ask(bea, "GET", `/api/groups/public/search?q=${handle}`)).toEqual([200, { groups: [] }]);
    expect(await http.ask(bea, "POST", `/api/join/${(link as { token: string }).token}`)).toEqual([
      400,
      { error: "invite link revoked" },
    ]);
    expect(await http.group(bea, handle)).toBeGreaterThan(id);
  });

  test("the first who joins an imported group without members is its admin", async () => {
    const [nika, bea, cyd] = four();
    const id = await http.group(nika, newHandle());
    await database.rows(
      "update participants set left_at = now() where conversation_id = (select id from conversations where group_id = $1)",
      [id],
    );
    await join(bea, id);
    await join(cyd, id);
    expect(await http.members(id)).toEqual([`${bea.id}*`, `${cyd.id}`]);
  });

  test("members: an array of full users in order of joining, others' e-mails empty, closed accounts left out", async () => {
    const [nika, bea, cyd] = four();
    const [gone] = (await http.people(1)) as [Person];
    const id = await http.group(nika, newHandle());
    for (const who of [cyd, bea, gone]) await join(who, id);
    await database.rows("update users set deleted_at = now() where id = $1", [gone.id]);
    const [status, body] = await list(bea, id);
    const full = (who: Person, email: string) => ({
      id: who.id,
      created_at: expect.stringMatching(/Z$/),
      updated_at: expect.stringMatching(/Z$/),
      username: who.name,
      email,
      full_name: "",
      avatar: "",
      role: "user",
      is_online: false,
      last_seen: null,
    });
    expect([status, body]).toEqual([200, [full(nika, ""), full(cyd, ""), full(bea, `${bea.name}@example.org`)]]);
    expect(await list(bea, 999_999)).toEqual([404, { error: "Group not found" }]);
  });

  test("members of a private group are hidden from everybody else, also from those who left", async () => {
    const [nika, bea] = four();
    const id = await http.group(nika);
    expect(await list(bea, id)).toEqual([403, { error: "Forbidden" }]);
    await add(nika, id, bea);
    expect((await list(bea, id))[0]).toBe(200);
    await leave(bea, id);
    expect(await list(bea, id)).toEqual([403, { error: "Forbidden" }]);
  });

  test("adding: by admins only, again for a member; unknown, closed and unwilling people", async () => {
    const [nika, bea, cyd, dan] = four();
    const id = await http.group(nika);
    const before = [await listVer(nika), await listVer(bea)];
    const done = [200, { message: "Member added successfully" }];
    expect(await add(nika, id, bea)).toEqual(done);
    expect(await add(nika, id, bea)).toEqual(done);
    expect([await listVer(nika), await listVer(bea)]).toEqual([before[0], (before[1] ?? 0) + 1]);
    expect(told(id).slice(1)).toEqual([["joined", 2, [bea.id], nika.id]]);
    for (const who of [bea, cyd]) expect(await add(who, id, cyd)).toEqual([403, { error: "Forbidden" }]);
    expect(await add(nika, 999_999, cyd)).toEqual([404, { error: "Group not found" }]);
    const [gone] = (await http.people(1)) as [Person];
    await database.rows("update users set deleted_at = now() where id = $1", [gone.id]);
    for (const who of [gone, { id: 0 }, { id: 999_999 }]) {
      expect(await add(nika, id, who)).toEqual([404, { error: "User not found" }]);
    }
    expect(await http.ask(nika, "POST", `/api/groups/${id}/members`, {})).toEqual([
      400,
      { error: "Invalid request body" },
    ]);
    await database.rows("insert into blocks (blocker_id, blocked_id) values ($1, $2)", [dan.id, nika.id]);
    expect(await add(nika, id, dan)).toEqual([403, { error: "Forbidden" }]);
    await database.rows("delete from blocks");
    expect(await http.members(id)).toEqual([`${nika.id}*`, `${bea.id}`]);
  });

  test("removing: by admins only, also of admins; of somebody who is no member it changes nothing", async () => {
    const [nika, bea, cyd] = four();
    const id = await http.group(nika);
    for (const who of [bea, cyd]) await add(nika, id, who);
    expect(await remove(bea, id, cyd)).toEqual([403, { error: "Forbidden" }]);
    const done = [200, { message: "Member removed successfully" }];
    const before = await listVer(cyd);
    expect(await remove(nika, id, cyd)).toEqual(done);
    expect(await remove(nika, id, cyd)).toEqual(done);
    expect(await listVer(cyd)).toBe(before + 1);
    expect(await http.ask(nika, "DELETE", `/api/groups/${id}/members/x`)).toEqual([400, { error: "Invalid user ID" }]);
    expect(await remove(nika, 999_999, cyd)).toEqual([404, { error: "Group not found" }]);
    await setRole(nika, id, bea, "admin");
    await remove(bea, id, nika);
    // Removing oneself is leaving.
    await add(bea, id, cyd);
    await remove(bea, id, bea);
    expect(await http.members(id)).toEqual([`${cyd.id}*`]);
    expect(told(id).slice(3)).toEqual([
      ["removed", 4, [cyd.id], nika.id],
      ["changed", 5, [bea.id], nika.id],
      ["removed", 6, [nika.id], bea.id],
      ["joined", 7, [cyd.id], bea.id],
      ["left", 8, [bea.id], bea.id],
    ]);
  });

  test("roles: by admins only, of members only; the last admin stays one; the same role is no change", async () => {
    const [nika, bea, cyd] = four();
    const id = await http.group(nika);
    await add(nika, id, bea);
    const done = [200, { message: "Role changed successfully" }];
    expect(await setRole(bea, id, bea, "admin")).toEqual([403, { error: "Forbidden" }]);
    expect(await setRole(nika, id, cyd, "admin")).toEqual([404, { error: "User not found" }]);
    expect(await setRole(nika, id, nika, "member")).toEqual([400, { error: "the last admin cannot be demoted" }]);
    expect(await setRole(nika, id, bea, "owner")).toEqual([400, { error: "Invalid request body" }]);
    expect(await setRole(nika, id, bea, "member")).toEqual(done);
    expect(await setRole(nika, id, bea, "admin")).toEqual(done);
    expect(await setRole(nika, id, bea, "admin")).toEqual(done);
    expect(await setRole(nika, id, nika, "member")).toEqual(done);
    // What else the body says changes nothing: the address names group and member.
    const elsewhere = { role: "admin", id: String(id + 1), user_id: nika.id };
    expect(await http.ask(bea, "PUT", `/api/groups/${id}/members/${bea.id}`, elsewhere)).toEqual(done);
    expect(await http.members(id)).toEqual([`${nika.id}`, `${bea.id}*`]);
    expect(told(id).slice(2)).toEqual([
      ["changed", 3, [bea.id], nika.id],
      ["changed", 4, [nika.id], nika.id],
    ]);
    expect(await setRole(nika, 999_999, bea, "admin")).toEqual([404, { error: "Group not found" }]);
  });

  test("an account that is closed is out of all groups, and can join none", async () => {
    const [nika, bea] = four();
    const [gone] = (await http.people(1)) as [Person];
    const [own, shared] = [await http.group(gone, newHandle()), await http.group(gone, newHandle())];
    await join(bea, shared);
    await database.rows("update users set deleted_at = now() where id = $1", [gone.id]);
    await leaveAllGroups(
      { db: database.db, writes: database.writes, publishGroupEvent: (event) => void http.events.push(event) },
      gone.id,
    );
    expect([await http.members(own), await http.members(shared)]).toEqual([[], [`${bea.id}*`]]);
    expect(told(shared).at(-1)).toEqual(["left", 3, [gone.id], gone.id]);
    const open = await http.group(nika, newHandle());
    expect((await join(gone, open))[0]).toBe(401);
  });
});
