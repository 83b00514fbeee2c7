import { afterAll, beforeAll, expect, test } from "vitest";
import { describeDatabases } from "../../tests/fixtures/databases.ts";
import type { Answer } from "../../tests/fixtures/http-server.ts";
import { mediaBase, openMedia, type TestMedia } from "../../tests/fixtures/media-server.ts";
import { jpeg, png } from "../../tests/fixtures/pictures.ts";

describeDatabases("POST /api/groups/:id/avatar", (database) => {
  let open: TestMedia;
  let [ann, ben, eve, group] = [0, 0, 0, 0];
  beforeAll(async () => {
    [ann = 0, ben = 0, eve = 0] = await database.addUsers("ann", "ben", "eve");
    group = await addGroup();
    open = await openMedia(database.db);
  });
  afterAll(() => open[Symbol.asyncDispose]());

  /** Ann is its admin, ben a member. */
  async function addGroup(): Promise<number> {
    const [row] = await database.rows<{ id: number }>(
      `with made as (
         insert into groups (name, description, creator_id, is_public, handle) values ('G', 'd', $1, true, 'G_1') returning id
       ), talk as (insert into conversations (group_id) select id from made returning id),
       joined as (
         insert into participants (user_id, conversation_id, role)
         select u.id, talk.id, u.role from talk, (values ($1::bigint, 'admin'), ($2::bigint, 'member')) u(id, role)
       )
       select id from made`,
      [ann, ben],
    );
    return row?.id ?? 0;
  }
  const iconOf = async (id: number) =>
    (await database.rows<{ icon: string }>("select icon from groups where id = $1", [id]))[0]?.icon;
  const upload = async (user: number, id: number | string = group, data?: Buffer): Promise<Answer> =>
    open.upload(user, `/api/groups/${id}/avatar`, { name: "avatar", filename: "x", data: data ?? (await png()) });
  const change = (user: number, what: string) =>
    database.rows(
      `update participants set ${what} where user_id = $1 and conversation_id = (select id from conversations where group_id = $2)`,
      [user, group],
    );

  test("an admin gets the bare group with its icon, which every user may fetch", async () => {
    const answer = await upload(ann);
    const icon = answer.json()["icon"] as string;
    expect([answer.status, answer.json()]).toMatchObject([
      200,
      { id: group, name: "G", description: "d", creator_id: ann, is_public: true, handle: "G_1" },
    ]);
    expect(icon.slice(0, -"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx.jpg".length)).toBe(
      `${mediaBase}/media/avatars/avatars/group_${group}/`,
    );
    expect(mediaBase + (await iconOf(group))).toBe(icon);
    const file = await open.get(eve, `/api${icon.slice(mediaBase.length)}`);
    expect([file.status, file.headers["content-type"]]).toEqual([200, "image/jpeg"]);
  });

  test("a new icon takes the old one's place, and its object's", async () => {
    await upload(ann);
    const before = open.keys();
    await upload(ann, group, await jpeg());
    expect(open.keys()).toHaveLength(before.length);
    expect(open.keys()).not.toEqual(before);
  });

  test("members, strangers and former admins are forbidden, and leave neither icon nor object", async () => {
    const [icon, keys] = [await iconOf(group), open.keys()];
    const forbidden = async (user: number, id?: number) => {
      const answer = await upload(user, id);
      expect([answer.status, answer.json()]).toEqual([403, { error: "Forbidden" }]);
    };
    await forbidden(ben);
    await forbidden(eve);
    const unknown = await upload(ann, 999_999);
    expect([unknown.status, unknown.json()]).toEqual([404, { error: "Group not found" }]);
    await change(ann, "left_at = now()");
    await forbidden(ann);
    await change(ann, "left_at = null, role = 'member'");
    await forbidden(ann);
    await change(ann, "role = 'admin'");
    expect([await iconOf(group), open.keys()]).toEqual([icon, keys]);
    expect((await upload(ann)).status).toBe(200);
  });

  test.each(["x", "-1", "1.5", "4294967296", "99999999999999999999", "%31"])("group %s is no id", async (id) => {
    const answer = await upload(ann, id);
    expect([answer.status, answer.json()]).toEqual([400, { error: "Invalid group ID" }]);
  });

  test("errors are their text alone", async () => {
    const errorOf = async (data: Buffer) => (await upload(ann, group, data)).json();
    expect(await errorOf(Buffer.from("hello, hello"))).toEqual({ error: "Unsupported image type" });
    expect(await errorOf(Buffer.from("x"))).toEqual({ error: "Invalid image" });
    expect((await open.upload(ann, `/api/groups/${group}/avatar`)).json()).toEqual({
      error: "avatar file is required",
    });
  });
});
