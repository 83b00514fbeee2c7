import pg from "pg";
import { expect, test } from "vitest";
import { startChatServer, type ChatServer, type TestUser } from "../fixtures/chat-server.ts";
import { migratedDatabase } from "../fixtures/migrated-database.ts";

async function attach(server: ChatServer, user: TestUser, text: string): Promise<string> {
  const body = new FormData();
  body.append("attachment", new Blob([text]), "a.txt");
  const headers = { authorization: `Bearer ${user.token}` };
  const answer = await fetch(`${server.url}/api/media/attachments`, { method: "POST", headers, body });
  return ((await answer.json()) as { url: string }).url;
}

async function statusOf(url: string, user: TestUser): Promise<number> {
  const answer = await fetch(url, { headers: { authorization: `Bearer ${user.token}` } });
  await answer.arrayBuffer();
  return answer.status;
}

test.each([
  ["by the operator's setting", "0", "", {}],
  ["by request", "30", "&at_once=true", { at_once: true }],
])("text and files are gone from database and storage at once, %s", async (_how, days, query, body) => {
  const url = await migratedDatabase();
  await using server = await startChatServer({ DATABASE_URL: url, ERASE_AFTER_DAYS: days });
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const rows = async (text: string) => (await client.query(text)).rows as unknown[];
    const [ada, ben] = [await server.register("ada"), await server.register("ben")];
    const write = (to: TestUser, content: string, type = "text") =>
      server.post("/api/messages", ada, { recipient_id: to.id, content, message_type: type });
    await write(ben, "erase me");
    const file = await attach(server, ada, "erase me");
    expect(await statusOf(file, ada)).toBe(200);
    await write(ben, file, "file");
    await server.remove(`/api/conversations/user_${ben.id}?everyone=true${query}`, ada);
    expect(await rows("select content, message_type from messages order by seq")).toEqual([
      { content: "", message_type: "text" },
      { content: "", message_type: "text" },
    ]);
    expect([await statusOf(file, ada), await rows("select key from attachments")]).toEqual([404, []]);

    await write(ben, "what ada wrote");
    const [sent, unsent] = [await attach(server, ada, "sent"), await attach(server, ada, "unsent")];
    await write(ben, sent, "file");
    const list = async () => (await server.get("/api/conversations", ben)).body["conversations"];
    expect(await list()).toMatchObject([{ unread_count: 2, last_message: { content: sent } }]);
    expect((await server.post("/api/users/me/delete", ada, { password: "a long password", ...body })).status).toBe(200);
    expect(await rows("select content from messages where content <> ''")).toEqual([]);
    expect(await rows("select key from attachments")).toEqual([]);
    expect([await statusOf(sent, ben), await statusOf(unsent, ben), await list()]).toEqual([404, 404, []]);
    expect(await rows("select from erasures")).toEqual([]);
  } finally {
    await client.end();
  }
});

test("what was deleted for everybody can be fetched by nobody, though it is erased only later", async () => {
  await using server = await startChatServer();
  const [ada, ben] = [await server.register("ada"), await server.register("ben")];
  const file = await attach(server, ada, "x");
  const { id } = (await server.post("/api/messages", ada, { recipient_id: ben.id, content: "quoted" })).body;
  await server.post("/api/messages", ada, { recipient_id: ben.id, content: file, message_type: "file" });
  await server.remove(`/api/conversations/user_${ben.id}?everyone=true`, ada);
  expect([await statusOf(file, ada), await statusOf(file, ben)]).toEqual([404, 404]);
  const reply = await server.post("/api/messages", ada, { recipient_id: ben.id, content: "hm", reply_to_id: id });
  expect(reply.body).not.toHaveProperty("reply_to_id");
});
