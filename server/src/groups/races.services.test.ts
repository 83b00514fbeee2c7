import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeDatabases } from "../../tests/fixtures/databases.ts";
import { openGroups, type Person, type Said, type TestGroups } from "../../tests/fixtures/groups-server.ts";

describeDatabases("groups under pressure", (database) => {
  let http: TestGroups;
  let nika: Person;
  beforeAll(async () => {
    http = await openGroups(database);
    [nika] = (await http.people(1)) as [Person];
  });
  afterAll(() => http[Symbol.asyncDispose]());

  const statuses = (answers: Said[]): number[] => answers.map(([status]) => status).toSorted((a, b) => a - b);
  const leave = (who: Person, id: number) => http.ask(who, "POST", `/api/groups/${id}/leave`);
  const setRole = (by: Person, id: number, who: Person, role: string) =>
    http.ask(by, "PUT", `/api/groups/${id}/members/${who.id}`, { role });
  const admins = async (id: number): Promise<number> =>
    (await http.members(id)).filter((shown) => shown.endsWith("*")).length;
  const people = (count: number) => http.people(count);
  const addAll = async (id: number, all: Person[]): Promise<void> => {
    for (const who of all) await http.ask(nika, "POST", `/api/groups/${id}/members`, { user_id: who.id });
  };

  test("of 32 who use a single-use link at once exactly one gets in", async () => {
    const id = await http.group(nika);
    const [, link] = await http.ask(nika, "POST", `/api/groups/${id}/invite-links`, { single_use: true });
    const { token } = link as { token: string };
    const crowd = await people(32);
    const answers = await Promise.all(crowd.map((who) => http.ask(who, "POST", `/api/join/${token}`)));
    expect(statuses(answers)).toEqual([200, ...Array.from({ length: 31 }, () => 400)]);
    expect(new Set(answers.filter(([status]) => status === 400).map(([, body]) => JSON.stringify(body)))).toEqual(
      new Set(['{"error":"invite link exhausted"}']),
    );
    expect(await http.members(id)).toHaveLength(2);
    expect(await database.rows("select used_count from invites where token = $1", [token])).toEqual([
      { used_count: 1 },
    ]);
  });

  test("one person who joins 16 times at once is a member once", async () => {
    const id = await http.group(nika, "once_only");
    const [who] = (await people(1)) as [Person];
    const answers = await Promise.all(
      Array.from({ length: 16 }, () => http.ask(who, "POST", `/api/groups/${id}/join`)),
    );
    expect(statuses(answers)).toEqual([200, ...Array.from({ length: 15 }, () => 400)]);
    expect(http.events.filter(({ groupId, kind }) => groupId === id && kind === "joined")).toHaveLength(2);
    const [state] = await database.rows("select list_ver from user_state where user_id = $1", [who.id]);
    expect(state).toEqual({ list_ver: 1 });
  });

  test("of 16 groups that are made with one handle at once exactly one is", async () => {
    const handles = Array.from({ length: 16 }, (_, i) => (i % 2 === 0 ? "one_handle" : "ONE_handle"));
    const answers = await Promise.all(
      handles.map((handle) => http.ask(nika, "POST", "/api/groups", { name: "raced", is_public: true, handle })),
    );
    expect(statuses(answers)).toEqual([201, ...Array.from({ length: 15 }, () => 400)]);
    expect(answers.find(([status]) => status === 400)?.[1]).toEqual({ error: "handle already taken" });
    expect(await database.rows("select count(*) as n from groups where name = 'raced'")).toEqual([{ n: 1 }]);
  });

  test("a name goes to one of the users and groups that take it at once", async () => {
    const crowd = await people(8);
    const groups = await Promise.all(crowd.slice(0, 3).map((who) => http.group(who)));
    const answers = await Promise.all([
      ...crowd.slice(3).map((who) => http.ask(who, "PUT", "/api/users/me", { username: "The_Name" })),
      ...crowd.slice(0, 3).map((who, i) => {
        const face = { is_public: true, handle: "the_name" };
        return i === 0
          ? http.ask(who, "POST", "/api/groups", { name: "x", ...face })
          : http.ask(who, "PUT", `/api/groups/${groups[i]}`, face);
      }),
    ]);
    expect(answers.filter(([status]) => status < 300)).toHaveLength(1);
    expect(answers.filter(([status]) => status === 400)).toHaveLength(7);
  });

  test("when all admins leave at once one of the others becomes admin", async () => {
    for (let round = 0; round < 5; round += 1) {
      const id = await http.group(nika);
      const [second, third, fourth] = (await people(3)) as [Person, Person, Person];
      await addAll(id, [second, third, fourth]);
      await setRole(nika, id, second, "admin");
      await Promise.all([leave(nika, id), leave(second, id)]);
      expect(await http.members(id)).toEqual([`${third.id}*`, `${fourth.id}`]);
    }
  });

  test("two admins who demote each other at once cannot both succeed", async () => {
    const id = await http.group(nika);
    const [second] = (await people(1)) as [Person];
    await addAll(id, [second]);
    await setRole(nika, id, second, "admin");
    const answers = await Promise.all([setRole(nika, id, second, "member"), setRole(second, id, nika, "member")]);
    expect(statuses(answers)).toEqual([200, 403]);
    expect(await admins(id)).toBe(1);
  });

  test("versions of a group ascend without a hole while many come and go", async () => {
    const id = await http.group(nika, "busy_group");
    const crowd = await people(12);
    await Promise.all(
      crowd.map(async (who, i) => {
        await http.ask(who, "POST", `/api/groups/${id}/join`);
        await http.ask(nika, "PUT", `/api/groups/${id}`, { name: `name ${i}` });
        await leave(who, id);
      }),
    );
    const versions = http.events.filter(({ groupId }) => groupId === id).map(({ ver }) => ver);
    expect(versions.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 37 }, (_, i) => i + 1));
    const [stored] = await database.rows("select ver from conversations where group_id = $1", [id]);
    expect(stored).toEqual({ ver: 37 });
  });

  test("a group with members has an admin, and without is closed, after any sequence of changes", async () => {
    const crowd = await people(4);
    const who = fc.nat({ max: crowd.length - 1 });
    const act = fc.record({
      what: fc.constantFrom("join", "leave", "add", "remove", "admin", "member"),
      by: who,
      on: who,
    });
    let round = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(act, { minLength: 1, maxLength: 3 }), { maxLength: 8 }), async (steps) => {
        const id = await http.group(crowd[0] as Person, `prop_${(round += 1)}`);
        for (const step of steps) {
          await Promise.all(
            step.map(({ what, by, on }) => {
              const [actor, target] = [crowd[by] as Person, crowd[on] as Person];
              const base = `/api/groups/${id}`;
              if (what === "join" || what === "leave") return http.ask(actor, "POST", `${base}/${what}`);
              if (what === "add") return http.ask(actor, "POST", `${base}/members`, { user_id: target.id });
              if (what === "remove") return http.ask(actor, "DELETE", `${base}/members/${target.id}`);
              return setRole(actor, id, target, what);
            }),
          );
          const members = (await http.members(id)).length;
          const [kept] = await database.rows(
            "select g.is_public, c.members from groups g join conversations c on c.group_id = g.id where g.id = $1",
            [id],
          );
          expect([members > 0, kept]).toEqual([(await admins(id)) > 0, { is_public: members > 0, members }]);
        }
      }),
      { numRuns: 25 },
    );
    expect(http.failures).toEqual([]);
  });

  test("10,000 members: listed, joined by nobody more, left and settled", async () => {
    const id = await http.group(nika, "huge_group");
    const [late] = (await people(1)) as [Person];
    await database.rows(
      // Without the guard of the cache, which would give each of them a version of the group.
      `with unguarded as materialized (select set_config('om.marked', '1', true)), made as (
         insert into users (username, email, password_hash)
         select 'huge_' || n, 'huge_' || n || '@example.org', '-' from generate_series(2, 10000) n returning id
       ), lists as (insert into user_state (user_id) select id from made)
       insert into participants (user_id, conversation_id, joined_at)
       select made.id, c.id, now() + made.id * interval '1 ms' from unguarded, made, conversations c
       where c.group_id = $1`,
      [id],
    );
    const [status, listed] = await http.ask(late, "GET", `/api/groups/${id}/members`);
    expect([status, (listed as unknown[]).length]).toEqual([200, 10_000]);
    const [, link] = await http.ask(nika, "POST", `/api/groups/${id}/invite-links`, {});
    const { token } = link as { token: string };
    const full = [400, { error: "group is full" }];
    expect(await http.ask(late, "POST", `/api/groups/${id}/join`)).toEqual(full);
    expect(await http.ask(late, "POST", "/api/groups/handle/huge_group/join")).toEqual(full);
    expect(await http.ask(late, "POST", `/api/join/${token}`)).toEqual(full);
    expect(await http.ask(nika, "POST", `/api/groups/${id}/members`, { user_id: late.id })).toEqual(full);
    const [as, group] = await http.ask(nika, "POST", `/api/join/${token}`);
    expect([as, (group as { members: unknown[] }).members.length]).toEqual([200, 10_000]);
    await leave(nika, id);
    expect(await admins(id)).toBe(1);
    expect(await http.ask(late, "POST", `/api/groups/${id}/join`)).toMatchObject([200, {}]);
  });
});
