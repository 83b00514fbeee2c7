import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { describeDatabases } from "../../tests/fixtures/databases.ts";
import { openGroups, type Person, type TestGroups } from "../../tests/fixtures/groups-server.ts";

const ok = [200, expect.anything()];

describeDatabases("who gets into a group", (database) => {
  let http: TestGroups;
  let people: Person[] = [];
  let handles = 0;
  beforeAll(async () => void (http = await openGroups(database, { WHO_MAY_ADD: "contacts" })));
  afterEach(() => void (http.events.length = 0));
  afterAll(() => http[Symbol.asyncDispose]());

  const open = async () => {
    people = await http.people(3);
    const [nika, dan, eve] = people as [Person, Person, Person];
    const id = await http.group(nika, `banned_${(handles += 1)}`);
    const path = `/api/groups/${id}`;
    const link = async (by: Person): Promise<string> => {
      const [, body] = await http.ask(by, "POST", `${path}/invite-links`, {});
      return (body as { token: string }).token;
    };
    return { nika, dan, eve, id, path, link };
  };
  const direct = (from: Person, to: Person, what: string) =>
    database
      .rows(
        `with c as (
         insert into conversations (lo, hi) values (least($1::bigint, $2), greatest($1::bigint, $2))
         on conflict (lo, hi) do update set lo = excluded.lo returning id
       ), p as (insert into participants (user_id, conversation_id) select unnest(array[$1::bigint, $2]), id from c on conflict do nothing)
       select from c`,
        [from.id, to.id],
      )
      .then(() =>
        database.rows(
          `update participants set ${what} where user_id = $1 and conversation_id =
           (select id from conversations where lo = least($1::bigint, $2) and hi = greatest($1::bigint, $2))`,
          [from.id, to.id],
        ),
      );

  test("whom an admin has removed comes back by no way but an admin's", async () => {
    const { nika, dan, id, path, link } = await open();
    const token = await link(nika);
    const ways = [`${path}/join`, `/api/groups/handle/banned_${handles}/join`, `/api/join/${token}`];
    expect(await http.ask(dan, "POST", `${path}/join`)).toEqual(ok);
    expect(await http.ask(nika, "DELETE", `${path}/members/${dan.id}`)).toEqual(ok);
    for (const way of ways)
      expect([way, ...(await http.ask(dan, "POST", way))]).toEqual([way, 403, { error: "Forbidden" }]);
    expect(await http.members(id)).toEqual([`${nika.id}*`]);
    // A link is not used up by who may not use it.
    expect(await database.rows("select used_count from invites where token = $1", [token])).toEqual([
      { used_count: 0 },
    ]);
    await direct(dan, nika, "sent = 1");
    expect(await http.ask(nika, "POST", `${path}/members`, { user_id: dan.id })).toEqual(ok);
    expect(await http.ask(dan, "POST", `${path}/leave`)).toEqual(ok);
    expect(await http.ask(dan, "POST", `${path}/join`)).toEqual(ok);
    // Whoever leaves before being removed is banned as well, and oneself one cannot ban.
    await http.ask(dan, "POST", `${path}/leave`);
    await http.ask(nika, "DELETE", `${path}/members/${dan.id}`);
    expect((await http.ask(dan, "POST", `${path}/join`))[0]).toBe(403);
  });

  test("a link admits nobody once its maker is no admin any more: removed, demoted or gone", async () => {
    const { nika, dan, eve, path, link } = await open();
    for (const end of ["demoted", "removed", "left"]) {
      await direct(dan, nika, "sent = 1");
      await http.ask(nika, "POST", `${path}/members`, { user_id: dan.id });
      await http.ask(nika, "PUT", `${path}/members/${dan.id}`, { role: "admin" });
      const token = await link(dan);
      const live = async () =>
        ((await http.ask(nika, "GET", `${path}/invite-links`))[1] as { invite_links: unknown[] }).invite_links.length;
      expect([end, (await http.ask(undefined, "GET", `/api/join/${token}`))[0], await live()]).toEqual([end, 200, 1]);
      if (end === "demoted") await http.ask(nika, "PUT", `${path}/members/${dan.id}`, { role: "member" });
      else if (end === "removed") await http.ask(nika, "DELETE", `${path}/members/${dan.id}`);
      else await http.ask(dan, "POST", `${path}/leave`);
      const revoked = [400, { error: "invite link revoked" }];
      expect([end, await http.ask(eve, "POST", `/api/join/${token}`)]).toEqual([end, revoked]);
      expect([end, await http.ask(undefined, "GET", `/api/join/${token}`), await live()]).toEqual([end, revoked, 0]);
    }
  });

  test("strangers add nobody: only those to whom one has written or whose messages one has read, unless one says otherwise", async () => {
    const { nika, dan, eve, path } = await open();
    const add = async (who: Person) => (await http.ask(nika, "POST", `${path}/members`, { user_id: who.id }))[0];
    const choose = (who: Person, choice: string) => http.ask(who, "PUT", "/api/users/me", { who_may_add_me: choice });
    expect(await add(dan)).toBe(403);
    // Unasked messages, received or deleted unread, do not count.
    await direct(dan, nika, "delivered_seq = 5, read_seq = 5, cleared_seq = 5");
    await direct(nika, dan, "sent = 5");
    expect(await add(dan)).toBe(403);
    await direct(dan, nika, "read_seq = 6");
    expect(await add(dan)).toBe(200);
    expect(await choose(eve, "everybody")).toMatchObject([200, { user: { who_may_add_me: "everybody" } }]);
    expect(await add(eve)).toBe(200);
    await http.ask(eve, "POST", `${path}/leave`);
    await choose(eve, "nobody");
    await direct(eve, nika, "sent = 1");
    expect(await http.ask(nika, "POST", `${path}/members`, { user_id: eve.id })).toEqual([
      403,
      { error: "This person lets only others add them to groups; send them an invite link" },
    ]);
    // One's own way in stays open.
    expect(await http.ask(eve, "POST", `${path}/join`)).toEqual(ok);
    expect((await choose(eve, "friends"))[0]).toBe(400);
  });
});
