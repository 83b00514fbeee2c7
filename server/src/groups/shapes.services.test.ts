import { afterAll, beforeAll, expect, test } from "vitest";
import { describeDatabases } from "../../tests/fixtures/databases.ts";
import { openGroups, zeroUser, type Person, type TestGroups } from "../../tests/fixtures/groups-server.ts";

describeDatabases("groups: the shape of an answer (§0.4, §2.9)", (database) => {
  let http: TestGroups;
  let nika: Person;
  let omid: Person;
  beforeAll(async () => {
    http = await openGroups(database);
    [nika, omid] = (await http.people(2)) as [Person, Person];
  });
  afterAll(() => http[Symbol.asyncDispose]());

  test("members null vs array per route, and the nested zero user wherever they are filled", async () => {
    const face = { name: "Shapes", is_public: true, handle: "shapes" };
    const [, created] = await http.ask(nika, "POST", "/api/groups", face);
    const { id } = created as { id: number };
    const admin = { group_id: id, user_id: nika.id, role: "admin", joined_at: expect.any(String), user: zeroUser };
    expect(created).toMatchObject({ id, members: [admin] });

    const [, link] = await http.ask(nika, "POST", `/api/groups/${id}/invite-links`, {});
    const { token } = link as { token: string };
    const byInvite = await http.ask(omid, "POST", `/api/join/${token}`);
    expect(byInvite).toEqual([
      200,
      { ...(created as object), creator: expect.anything(), members: [admin], member_count: 2 },
    ]);
    const [, again] = await http.ask(omid, "POST", `/api/join/${token}`);
    expect((again as { members: { user: unknown }[] }).members.map(({ user }) => user)).toEqual([zeroUser, zeroUser]);

    await http.ask(omid, "POST", `/api/groups/${id}/leave`);
    for (const [method, path, body] of [
      ["POST", "/api/groups/handle/shapes/join", undefined],
      ["GET", "/api/groups/handle/shapes", undefined],
      ["GET", "/api/groups", undefined],
      ["GET", "/api/groups/public/search?q=shapes", undefined],
    ] as const) {
      const [status, answer] = await http.ask(omid, method, path, body);
      const groups = Array.isArray(answer) ? answer : ((answer as { groups?: unknown[] }).groups ?? [answer]);
      expect([path, status, groups]).toMatchObject([path, 200, [{ id, members: null }]]);
    }
    expect(await http.ask(nika, "PUT", `/api/groups/${id}`, { name: "x" })).toMatchObject([200, { id, members: null }]);
  });

  test("a private group has no handle key, a preview has it with null", async () => {
    const [, made] = await http.ask(nika, "POST", "/api/groups", { name: "Private" });
    expect(made).not.toHaveProperty("handle");
    const [, link] = await http.ask(nika, "POST", `/api/groups/${(made as { id: number }).id}/invite-links`, {});
    const [, preview] = await http.ask(undefined, "GET", `/api/join/${(link as { token: string }).token}`);
    expect(preview).toMatchObject({ group: { handle: null } });
  });

  test("the last admin leaves twice: 200 both times (D-44)", async () => {
    const id = await http.group(nika);
    for (let i = 0; i < 2; i += 1) {
      expect(await http.ask(nika, "POST", `/api/groups/${id}/leave`)).toEqual([
        200,
        { message: "Left group successfully" },
      ]);
    }
    expect(await http.members(id)).toEqual([]);
  });
});
