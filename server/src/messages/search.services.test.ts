import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeDatabases } from "../../tests/fixtures/databases.ts";
import { startChatServer, type ChatServer, type TestUser } from "../../tests/fixtures/chat-server.ts";
import { blockStore } from "../accounts/block-store.ts";
import { revisionStore } from "./revision-store.ts";
import { messageStore, storeMessages, type NewMessage } from "./message-store.ts";
import { searchStore } from "./search-store.ts";

describeDatabases(
  "search in messages",
  (database) => {
    let sent = 0;
    /** Makes so many messages searchable; returns how many were left to look at, at most. */
    const index = async (limit = 1_000_000): Promise<number> =>
      (await database.rows<{ count: number }>("select index_messages($1) as count", [limit]))[0]?.count ?? -1;
    const indexed = async (...ids: number[]) =>
      (
        await database.rows<{ content: string }>(
          "select content from searchable_messages where message_id = any($1::bigint[]) order by message_id",
          [ids],
        )
      ).map(({ content }) => content);
    const draft = (senderId: number, recipientId: number, content: string): NewMessage => ({
      senderId,
      to: { recipientId },
      clientId: `search-${(sent += 1)}`,
      messageType: "text",
      content,
      replyToId: undefined,
    });
    /** Ids in order of sending. */
    const say = async (from: number, to: number, ...contents: string[]): Promise<number[]> => {
      const rows = await storeMessages(
        database.db,
        contents.map((content) => draft(from, to, content)),
      );
      return rows.map(({ id }) => id).toSorted((a, b) => a - b);
    };
    const find = async (viewer: number, text: string, before = Number.MAX_SAFE_INTEGER, limit = 50) =>
      (await searchStore(database.db).find(viewer, text, { ref: undefined, before, limit })).ids;

    test.each([
      ["Meet me at the Café, Straße 7", ["meet", "CAFE", "caf", "a", "stra", "7 me"], ["afe", "meets", "8"]],
      ["می‌خواهم كتاب ۱۲۳ يك آب", ["میخوا", "خواهم", "می‌خواهم", "کتاب", "كِتاب", "١٢٣", "123", "یک اب"], ["تاب", "321"]],
      ["我在北京大学读书", ["北京", "京", "大学", "书", "北京大学"], ["京北", "北京书"]],
      ["北京到大京", ["大京"], ["北京大京"]],
      ["한국어 공부", ["한국", "국어", "공부"], ["부공"]],
      ["ガギグ ｶﾅ", ["ギグ", "カナ"], ["グギ"]],
      ["अच्छा हिन्दी", ["अच्छा", "हिन्द"], ["छा"]],
      ["ภาษาไทยง่าย", ["ไทย", "ภาษา"], ["ยไท"]],
      ["ПРИВЕТ İstanbul", ["при", "istan"], ["ивет"]],
      ["nice 👍🏽🔥", ["👍", "🔥", "👍🏽"], ["👎"]],
      [`${"x".repeat(5_000)} y`, ["xxxxx", "x".repeat(60), "y"], [`${"x".repeat(60)}z`]],
      ["snake_case it's a-b@c.org", ["case", "s", "c org", "a-b@c.org"], ["snakecase"]],
    ])("%s", async (content, right, wrong) => {
      const [a = 0, b = 0] = await database.addUsers(`finder-${(sent += 1)}`, `found-${sent}`);
      const [id] = await say(a, b, content);
      for (const isIndexed of [false, true]) {
        if (isIndexed) expect(await index()).toBeGreaterThan(0);
        expect(await indexed(id ?? 0)).toEqual(isIndexed ? [content] : []);
        for (const text of right) expect([text, isIndexed, await find(b, text)]).toEqual([text, isIndexed, [id]]);
        for (const text of wrong) expect([text, isIndexed, await find(b, text)]).toEqual([text, isIndexed, []]);
      }
    });

    test("of a thousand messages it finds what a plain scan finds, page by page", async () => {
      const [a = 0, b = 0, c = 0] = await database.addUsers("scan-a", "scan-b", "scan-c");
      const words = ["lorem", "ipsum", "dolor", "do", "کتاب", "کار", "北京", "大", "ab", "a", "abc"];
      const contents = Array.from({ length: 600 }, (_, i) =>
        [words[i % 11], words[(i * 7) % 5], words[(i * i) % 11]].join(i % 2 ? " " : ", "),
      );
      const all: { id: number; content: string }[] = [];
      for (let at = 0; at < 1_200; at += 100) {
        const chunk = contents.slice(at % 600, (at % 600) + 100);
        const ids = await say(at < 600 ? a : c, b, ...chunk);
        all.push(...chunk.map((content, i) => ({ id: ids[i] ?? 0, content })));
        // Some of it is in the index, in pieces that end anywhere, and some is not yet.
        if (at < 900) await index(70);
      }
      const scan = (text: string): number[] =>
        all
          .filter(({ content }) =>
            text
              .split(" ")
              .every((word) =>
                /\p{Script=Han}/u.test(word)
                  ? content.includes(word)
                  : content.split(/[ ,]+/).some((one) => one.startsWith(word)),
              ),
          )
          .map(({ id }) => id)
          .toReversed();
      for (const text of ["lorem", "d", "do", "dolor ip", "ک", "کا lorem", "北", "大 ab", "a", "abc ab", "zz"]) {
        const found: number[] = [];
        let page: number[];
        do {
          page = await find(b, text, found.at(-1), 37);
          found.push(...page);
        } while (page.length === 37);
        expect([text, found]).toEqual([text, scan(text)]);
      }
    });

    test.each([false, true])(
      "nobody finds what they do not see: of others, deleted, cleared, hidden; an edit is found as it is (in the index: %s)",
      async (isIndexed) => {
        const [a = 0, b = 0, c = 0] = await database.addUsers(
          ...["a", "b", "c"].map((name) => `eye-${name}-${isIndexed}`),
        );
        const [first = 0, second = 0, third = 0] = await say(a, b, "apple one", "apple two", "apple three");
        const revisions = revisionStore(database.writes, database.reads.posts);
        const change = (messageId: number, content: string | null) =>
          revisions.change({ userId: a, messageId, content, media: null });
        expect([await find(a, "apple"), await find(c, "apple")]).toEqual([[third, second, first], []]);
        if (isIndexed) expect(await index()).toBeGreaterThan(0);
        await change(second, null);
        await change(third, "pear three");
        expect([await find(b, "apple"), await find(b, "pear")]).toEqual([[first], [third]]);
        if (isIndexed) expect(await indexed(first, second, third)).toEqual(["apple one", "pear three"]);
        await blockStore(database.db, database.writes).add(b, a, 10);
        const [hidden = 0] = await say(a, b, "apple hidden");
        expect([await find(b, "apple"), await find(a, "apple")]).toEqual([[first], [hidden, first]]);
        const conversation = (await messageStore(database.db).one(first, b))?.conversation_id ?? 0;
        await revisions.clear(b, conversation, false);
        expect([await find(b, "apple"), await find(b, "pear"), await find(a, "apple")]).toEqual([
          [],
          [],
          [hidden, first],
        ]);
        expect(await searchStore(database.db).load(b, [first, third])).toEqual([]);
      },
    );

    test("a picture that an edit makes a text is found; what is erased leaves the index", async () => {
      const [a = 0, b = 0] = await database.addUsers("edit-a", "edit-b");
      const [first] = await storeMessages(database.db, [{ ...draft(a, b, "/uploads/x.png"), messageType: "image" }]);
      const [second = 0] = await say(a, b, "words to go");
      await index();
      const id = first?.id ?? 0;
      const revisions = revisionStore(database.writes, database.reads.posts);
      await revisions.change({ userId: a, messageId: id, content: "a caption", media: null });
      expect([await find(b, "caption"), await indexed(id, second)]).toEqual([[id], ["a caption", "words to go"]]);
      await database.rows("select erase_range(conversation_id, 0, 2, 100) from messages where id = $1", [id]);
      expect(await indexed(id, second)).toEqual([]);
    });

    test("what is being deleted is not made searchable meanwhile", async () => {
      const [a = 0, b = 0] = await database.addUsers("race-a", "race-b");
      const [id = 0] = await say(a, b, "soon gone");
      await database.db.transaction(async (queries) => {
        await queries.query({ name: "", text: "select * from revise_message($1, $2, null)" }, [a, id]);
        expect(await index()).toBe(0);
        expect(await find(b, "soon")).toEqual([id]);
      });
      expect(await index()).toBeGreaterThan(0);
      expect([await find(b, "soon"), await indexed(id)]).toEqual([[], []]);
    });

    test("a message that is committed late is found, and is in the index with the next one of its conversation", async () => {
      const [a = 0, b = 0, c = 0, d = 0] = await database.addUsers("late-a", "late-b", "late-c", "late-d");
      let late: number[] = [];
      await database.db.transaction(async (queries) => {
        late = (await storeMessages(queries, [draft(a, b, "late word")])).map(({ id }) => id);
        for (let i = 0; i < 3; i++) {
          await say(c, d, "another");
          await index();
        }
      });
      await index();
      expect([await indexed(...late), await find(b, "late")]).toEqual([[], late]);
      const next = await say(a, b, "late again");
      await index();
      expect([await indexed(...late, ...next), await find(b, "late")]).toEqual([
        ["late word", "late again"],
        [...next, ...late],
      ]);
    });
  },
  { minimum: true },
);

describe("POST /api/messages/search", () => {
  let chat: ChatServer;
  let ada: TestUser;
  let ben: TestUser;
  beforeAll(async () => {
    chat = await startChatServer();
    [ada, ben] = [await chat.register("ada"), await chat.register("ben")];
  });
  afterAll(() => chat[Symbol.asyncDispose]());
  const search = (who: TestUser, body: unknown) => chat.post("/api/messages/search", who, body);

  test("answers whole messages with the words marked, in pages, everywhere or in one conversation, and of a group to members alone", async () => {
    await chat.post("/api/messages", ada, { recipient_id: ben.id, content: "the Book is here" });
    await chat.post("/api/messages", ada, { recipient_id: ada.id, content: "books to buy" });
    const group = Number((await chat.post("/api/groups", ada, { name: "Readers" })).body["id"]);
    await chat.post(`/api/groups/${group}/messages`, ada, { client_id: "g", content: "book club" });
    const contents = ({ body }: Awaited<ReturnType<typeof search>>) =>
      (body["results"] as { message: { content: string; conversation_id: string }; marks: unknown }[]).map(
        ({ message, marks }) => [message.content, message.conversation_id, marks],
      );
    const first = await search(ada, { q: "boo", limit: 2 });
    expect(contents(first)).toEqual([
      ["book club", `group_${group}`, [{ from: 0, to: 3 }]],
      ["books to buy", `user_${ada.id}`, [{ from: 0, to: 3 }]],
    ]);
    const rest = await search(ada, { q: "boo", limit: 2, cursor: first.body["next_cursor"] });
    expect([contents(rest), rest.body["next_cursor"]]).toEqual([
      [["the Book is here", `user_${ben.id}`, [{ from: 4, to: 7 }]]],
      undefined,
    ]);
    expect(contents(await search(ada, { q: "book", conversation_id: `group_${group}` }))).toHaveLength(1);
    expect(contents(await search(ben, { q: "book", conversation_id: `group_${group}` }))).toEqual([]);
    expect(contents(await search(ben, { q: "book" }))).toEqual([
      ["the Book is here", `user_${ada.id}`, [{ from: 4, to: 8 }]],
    ]);
  });

  test("a message that was found is shown among its neighbours", async () => {
    const ids: number[] = [];
    for (let i = 1; i <= 9; i++) {
      const body = { recipient_id: ben.id, content: i === 5 ? "needle" : `hay ${i}`, client_id: `hay ${i}` };
      ids.push(Number((await chat.post("/api/messages", ada, body)).body["id"]));
    }
    const around = async (who: TestUser, peer: TestUser, query: string) =>
      (await chat.get(`/api/messages?recipient_id=${peer.id}&${query}`, who)).body;
    const shown = async (query: string): Promise<unknown> =>
      ((await around(ben, ada, query))["messages"] as { content: string }[]).map(({ content }) => content);
    expect(await shown(`around=${ids[4]}&limit=4`)).toEqual(["hay 7", "hay 6", "needle", "hay 4"]);
    await chat.remove(`/api/messages/${ids[4]}`, ada);
    expect(await shown(`around=${ids[4]}&limit=3`)).toEqual(["hay 6", "hay 4", "hay 3"]);
    expect(await shown(`around=${(ids[8] ?? 0) + 1000}&limit=2`)).toEqual(["hay 9"]);
    expect((await around(ben, ada, "around=x"))["code"]).toBe("invalid_cursor");
    const eve = await chat.register("eve");
    expect((await around(eve, ada, `around=${ids[4]}`))["count"]).toBe(0);
  });

  test("text without words finds nothing; without text, or where is no conversation, it is refused", async () => {
    const codes = [{}, { q: " " }, { q: "x", conversation_id: "chat_1" }, { q: "x", limit: "5" }].map(
      async (body) => (await search(ben, body)).body["code"],
    );
    expect(await Promise.all(codes)).toEqual([
      "missing_query",
      "missing_query",
      "invalid_conversation_id",
      "invalid_request_body",
    ]);
    expect((await search(ben, { q: "…!? ' & | :* \\" })).body).toEqual({ results: [] });
  });
});
