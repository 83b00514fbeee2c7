import { beforeEach, describe, expect, test } from "vitest";
import { describeDatabases } from "../../tests/fixtures/databases.ts";

describeDatabases("rows changed by hand", (database) => {
  let [ann, bea, cem] = [0, 0, 0];
  let direct = 0;
  let group = 0;
  let groupConversation = 0;
  let run = 0;

  const sql = (text: string, ...values: unknown[]): Promise<Record<string, number>[]> => database.rows(text, values);
  /** Versions of everything that the cache keeps of these people, by key. */
  async function versions(): Promise<Record<string, number>> {
    const rows = await database.rows<{ key: string; ver: number }>(
      `select 'conv' as key, ver from conversations where id = $1
       union all select 'group', ver from conversations where id = $2
       union all select 'about', ver from groups where id = (select group_id from conversations where id = $2)
       union all select 'member ' || case user_id when $3 then 'ann' when $4 then 'bea' else 'cem' end, member_ver from participants where conversation_id = $2
       union all select 'list ' || case user_id when $3 then 'ann' when $4 then 'bea' else 'cem' end, list_ver from user_state where user_id in ($3, $4, $5)
       union all select 'profile ' || case id when $3 then 'ann' when $4 then 'bea' else 'cem' end, ver from users where id in ($3, $4, $5)`,
      [direct, groupConversation, ann, bea, cem],
    );
    return Object.fromEntries(rows.map(({ key, ver }) => [key, ver]));
  }
  /** Keys that are noted as dirty, in words. */
  async function noted(): Promise<string[]> {
    const rows = await database.rows<{ key: string; ver: number }>("select key, ver from cache_dirty order by key");
    const names = new Map([
      [`conv:${ann}:${bea}`, "conv"],
      [`unread:${ann}:${bea}`, "unread ann"],
      [`unread:${bea}:${ann}`, "unread bea"],
      [`group:${group}`, "group"],
      [`about:${group}`, "about"],
      ...[ann, bea, cem].flatMap((id, n): [string, string][] => {
        const name = ["ann", "bea", "cem"][n] ?? "";
        const keys = [`convlist:${id}`, `member:${group}:${id}`, `profile:${id}`];
        return [
          [keys[0] ?? "", `list ${name}`],
          [keys[1] ?? "", `member ${name}`],
          [keys[2] ?? "", `profile ${name}`],
        ];
      }),
    ]);
    return [...new Set(rows.map(({ key }) => names.get(key) ?? key))].sort();
  }
  const turn = (mode: "on" | "off"): Promise<unknown> =>
    sql("update cache_control set mode = $1, mode_changed_at = clock_timestamp() - interval '1 minute'", mode);

  /** What a statement raises, and what it notes; each raised version is noted with its own number. */
  async function change(text: string, ...values: unknown[]): Promise<{ raised: string[]; noted: string[] }> {
    const before = await versions();
    await sql(text, ...values);
    const after = await versions();
    const raised = Object.keys(before).filter((key) => key in after && (after[key] ?? 0) > (before[key] ?? 0));
    const wrong = await sql(
      `select d.key from cache_dirty d join conversations c on d.key = 'conv:' || c.lo || ':' || c.hi or d.key = 'group:' || c.group_id
       group by d.key, c.ver having max(d.ver) <> c.ver`,
    );
    expect(wrong).toEqual([]);
    return { raised: raised.sort(), noted: await noted() };
  }

  beforeEach(async () => {
    run += 1;
    [ann = 0, bea = 0, cem = 0] = await database.addUsers(...["ann", "bea", "cem"].map((name) => `${name}${run}`));
    await sql("update cache_control set mode = 'off', mode_changed_at = '1970-01-01 00:00Z'");
    const send = (to: { recipientId: number } | { groupId: number }, text: string) => sendAs(ann, to, text);
    await send({ recipientId: bea }, "hello");
    [{ id: direct = 0 } = {}] = await sql("select id from conversations where lo = $1 and hi = $2", ann, bea);
    [{ id: group = 0 } = {}] = await sql("insert into groups (name, creator_id) values ('g', $1) returning id", ann);
    [{ id: groupConversation = 0 } = {}] = await sql(
      "insert into conversations (group_id, ver) values ($1, 1) returning id",
      group,
    );
    for (const user of [ann, bea]) {
      await sql(
        "insert into participants (user_id, conversation_id, member_ver) values ($1, $2, 1)",
        user,
        groupConversation,
      );
    }
    await send({ groupId: group }, "hello all");
    await sql("delete from cache_dirty");
    await turn("on");
  });

  const sendAs = async (sender: number, to: { recipientId: number } | { groupId: number }, text: string) => {
    const [recipient, place] = "recipientId" in to ? [to.recipientId, null] : [null, to.groupId];
    await database.writes.batch((queries, epoch) =>
      queries.query(
        {
          name: "",
          text: "select send_batch(array[$1::bigint], array[$2::bigint], array[$3::bigint], array[$4], array['text'], array[$5], array[null::bigint], $6)",
        },
        [sender, recipient, place, `${Math.random()}`, text, epoch],
      ),
    );
  };

  const ofDirect = {
    raised: ["conv", "list ann", "list bea"],
    noted: ["conv", "list ann", "list bea", "unread ann", "unread bea"],
  };
  const ofGroup = { raised: ["group"], noted: ["group"] };

  test.each([
    ["a message is changed", "update messages set content = 'other' where conversation_id = $1"],
    ["a message is deleted", "delete from messages where conversation_id = $1"],
    [
      "a message is put in",
      "insert into messages (conversation_id, seq, first_ver, ver, sender_id, client_id, message_type, content, created_at) values ($1, 99, 99, 99, 1, 'x' || $1::bigint, 'text', '', now())",
    ],
    ["the conversation is changed", "update conversations set cleared_seq = 1 where id = $1"],
  ])("%s: the direct conversation, both lists and both counts are new", async (_, text) => {
    expect(await change(text, direct)).toEqual(ofDirect);
  });

  test.each([
    ["a message is changed", "update messages set content = 'other' where conversation_id = $1"],
    ["the conversation is changed", "update conversations set seq = seq + 1 where id = $1"],
  ])("%s of a group: lists follow the group by themselves", async (_, text) => {
    expect(await change(text, groupConversation)).toEqual(ofGroup);
  });

  test("a group is renamed", async () => {
    const mine = ["about", "group"];
    expect(await change("update groups set name = 'new' where id = $1", group)).toEqual({ raised: mine, noted: mine });
  });

  test("somebody is thrown out of a group", async () => {
    const text = "update participants set left_at = now() where conversation_id = $1 and user_id = $2";
    const mine = ["about", "group", "list bea", "member bea"];
    expect(await change(text, groupConversation, bea)).toEqual({ raised: mine, noted: mine });
  });

  test("a position is moved", async () => {
    const text = "update participants set read_seq = 1 where conversation_id = $1 and user_id = $2";
    expect(await change(text, direct, bea)).toEqual(ofDirect);
  });

  test("a participant is deleted, or moved to another conversation: both are new", async () => {
    const deleted = await change("delete from participants where conversation_id = $1 and user_id = $2", direct, ann);
    expect(deleted).toEqual(ofDirect);
    await sql("delete from cache_dirty");
    const text = "update participants set conversation_id = $1 where conversation_id = $2 and user_id = $3";
    const moved = await change(text, direct, groupConversation, ann);
    expect(moved.noted).toEqual([
      "about",
      "conv",
      "group",
      "list ann",
      "list bea",
      "member ann",
      "unread ann",
      "unread bea",
    ]);
    // Whoever is in no row any more is no member, whatever an entry says.
    await sql("delete from cache_dirty");
    const gone = await change(
      "delete from participants where conversation_id = $1 and user_id = $2",
      groupConversation,
      bea,
    );
    expect(gone.noted).toEqual(["about", "group", "list bea", "member bea"]);
  });

  test("a message is moved to another conversation: both are new", async () => {
    const moved = await change(
      "update messages set conversation_id = $1, seq = 50 where conversation_id = $2",
      direct,
      groupConversation,
    );
    expect(moved.noted).toEqual(["conv", "group", "list ann", "list bea", "unread ann", "unread bea"]);
  });

  test("what a device was told is nobody's business", async () => {
    await sql("update conversations set revised_ver = 1 where id = $1", direct);
    await sql("delete from cache_dirty");
    expect(await change("update participants set delivered_ver = 7 where user_id = $1", ann)).toEqual({
      raised: [],
      noted: [],
    });
  });

  test.each([
    ["username", "'other'"],
    ["full_name", "'Other'"],
    ["avatar", "'/a'"],
    ["last_seen", "now()"],
    ["updated_at", "now() + interval '1 day'"],
    ["deleted_at", "now()"],
  ])("a user's %s is changed", async (column, value) => {
    const mine = ["profile ann"];
    expect(await change(`update users set ${column} = ${value} where id = $1`, ann)).toEqual({
      raised: mine,
      noted: mine,
    });
  });

  test("a user's password is changed, which no profile shows", async () => {
    expect(await change("update users set password_hash = 'x' where id = $1", ann)).toEqual({ raised: [], noted: [] });
  });

  test("a block is made and taken away", async () => {
    const mine = { raised: ["profile ann"], noted: ["profile ann"] };
    expect(await change("insert into blocks (blocker_id, blocked_id) values ($1, $2)", ann, bea)).toEqual(mine);
    // When it ends, how far the blocker has read is shown again.
    const [raised, noted] = [
      ["conv", "list ann", "list bea", "profile ann"],
      ["conv", "list ann", "list bea", "profile ann", "unread ann", "unread bea"],
    ];
    expect(await change("delete from blocks where blocker_id = $1", ann)).toEqual({ raised, noted });
  });

  test("what is deleted altogether is noted above its last version", async () => {
    const before = await versions();
    await sql("delete from messages where conversation_id = $1", direct);
    await sql("delete from cache_dirty");
    await change("delete from conversations where id = $1", direct);
    expect(await noted()).toEqual(ofDirect.noted);
    const rows = await sql("select max(ver) as ver from cache_dirty where key = $1", `conv:${ann}:${bea}`);
    expect(rows[0]?.["ver"]).toBeGreaterThan(before["conv"] ?? 0);
    await sql("delete from cache_dirty");
    await change("delete from conversations where id = $1", groupConversation);
    expect(await noted()).toEqual(["about", "group", "list ann", "list bea", "member ann", "member bea"]);
    await sql("delete from cache_dirty");
    const [about] = await sql("delete from groups where id = $1 returning ver + 1 as ver", group);
    expect(await sql("select key, ver from cache_dirty")).toEqual([{ key: `about:${group}`, ver: about?.["ver"] }]);
    await sql("delete from cache_dirty");
    await sql("delete from users where id = $1", cem);
    expect(await noted()).toEqual(["profile cem"]);
  });

  test("a transaction of many changes notes each key, with the version that is committed", async () => {
    await sql(
      `with a as (update messages set content = 'x' where conversation_id in ($1, $2)),
         b as (update participants set read_seq = 1 where conversation_id = $1)
       update conversations set seq = seq where id in ($1, $2)`,
      direct,
      groupConversation,
    );
    const [row] = await sql("select ver from conversations where id = $1", direct);
    const [dirty] = await sql("select max(ver) as ver from cache_dirty where key = $1", `conv:${ann}:${bea}`);
    expect(dirty?.["ver"]).toBe(row?.["ver"]);
  });

  test("while the cache has been off for long, nothing is noted", async () => {
    await turn("off");
    expect(await change("update messages set content = 'other' where conversation_id = $1", direct)).toEqual({
      raised: ofDirect.raised,
      noted: [],
    });
  });

  test("in the first two seconds without the cache it is", async () => {
    await sql("update cache_control set mode = 'off', mode_changed_at = clock_timestamp()");
    expect(await change("update messages set content = 'other' where conversation_id = $1", direct)).toEqual(ofDirect);
  });

  describe("the server's own writes", () => {
    test("a send is one version of the conversation and one of each list", async () => {
      // The first one of a person to another shows that one who is online, too.
      await sendAs(bea, { recipientId: ann }, "first");
      await sql("delete from cache_dirty");
      const before = await versions();
      await sendAs(bea, { recipientId: ann }, "again");
      const after = await versions();
      for (const key of ofDirect.raised) expect(after[key], key).toBe((before[key] ?? 0) + 1);
      // Nobody marks here.
      expect(await noted()).toEqual(ofDirect.noted);
      await sendAs(bea, { groupId: group }, "again");
      expect((await versions())["group"]).toBe((after["group"] ?? 0) + 1);
    });
  });
});
