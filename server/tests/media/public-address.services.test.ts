import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, expect, test } from "vitest";
import { startChatServer, type ChatServer, type TestUser } from "../fixtures/chat-server.ts";
import { migratedDatabase } from "../fixtures/migrated-database.ts";

const folder = mkdtempSync(join(tmpdir(), "om-address-"));
afterAll(async () => {
  rmSync(folder, { recursive: true });
});

const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

async function upload(
  server: ChatServer,
  user: TestUser,
  path: string,
  field: string,
): Promise<Record<string, unknown>> {
  const body = new FormData();
  body.append(field, new Blob([png]), "x.png");
  const headers = { authorization: `Bearer ${user.token}` };
  return (await (await fetch(`${server.url}${path}`, { method: "POST", headers, body })).json()) as Record<
    string,
    unknown
  >;
}

test("whoever changes the public address, or had forgotten it, breaks no picture: paths are stored, and shown with the address of now", async () => {
  const url = await migratedDatabase();
  const env = { DATABASE_URL: url, DATA_DIR: folder };
  const before = await startChatServer(env);
  const [ada, ben] = [await before.register("ada"), await before.register("ben")];
  await upload(before, ada, "/api/users/me/avatar", "avatar");
  const { id: group } = (await before.post("/api/groups", ada, { name: "Seen", is_public: true, handle: "seen" })).body;
  await before.post(`/api/groups/${String(group)}/members`, ada, { user_id: ben.id });
  await upload(before, ada, `/api/groups/${String(group)}/avatar`, "avatar");
  const { url: old } = (await upload(before, ada, "/api/media/attachments", "attachment")) as { url: string };
  expect(old).toMatch(`${before.url}/api/media/attachments/`);
  const image = { recipient_id: ben.id, content: old, message_type: "image" };
  expect((await before.post("/api/messages", ada, image)).body).toMatchObject({ content: old, message_type: "image" });
  const { token } = (await before.post(`/api/groups/${String(group)}/invite-links`, ada, {})).body;
  await before.stop();

  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(
    "select avatar as path from users where avatar <> '' union all select icon from groups union all select content from messages",
  );
  await client.end();
  const kinds = rows.map(({ path }) => String(path).split("/").slice(0, 3).join("/"));
  expect(kinds).toEqual(["/media/avatars", "/media/avatars", "/media/attachments"]);

  const base = "https://chat.example.org/api";
  await using after = await startChatServer({ ...env, PUBLIC_API_BASE_URL: base });
  const seen = await Promise.all(
    [
      "/api/users/me",
      `/api/users/${ada.id}`,
      "/api/users/search?q=ada",
      "/api/groups",
      "/api/groups/handle/seen",
      "/api/groups/public/search?q=seen",
      `/api/groups/${String(group)}/members`,
      `/api/join/${String(token)}`,
      "/api/conversations",
      "/api/conversations/peers",
      "/api/changes",
      `/api/messages?recipient_id=${ada.id}`,
    ].map(
      async (path) =>
        [path, JSON.stringify((await after.get(path, path === "/api/users/me" ? ada : ben)).body)] as const,
    ),
  );
  for (const [path, text] of seen) {
    const found = text.match(/[^"]*\/media\/[^"]*/g) ?? [];
    expect([path, found.length > 0, found.filter((one) => !one.startsWith(`${base}/media/`))]).toEqual([
      path,
      true,
      [],
    ]);
  }
  const now = old.replace(`${before.url}/api`, base);
  const [from, to] = [await after.open(ada, "&resume=1"), await after.open(ben)];
  from.send("chat", { client_id: "again", recipient_id: ben.id, content: now, message_type: "image" });
  const { server_id: id } = await from.next("ack");
  const content = { content: now, message_type: "image" };
  await to.next("batch");
  expect((await to.next("message"))["message"]).toMatchObject({
    ...content,
    sender: { avatar: expect.stringMatching(base) },
  });
  expect((await after.put(`/api/messages/${String(id)}`, ada, { content: now })).body).toMatchObject(content);
  expect((await to.next("message_edit"))["message"]).toMatchObject({
    ...content,
    sender: { avatar: expect.stringMatching(base) },
  });
  const asText = await after.put(`/api/messages/${String(id)}`, ada, { content: `${now}?x` });
  expect(asText.body).toMatchObject({ content: `${now}?x`, message_type: "text" });
  // What was only text stays as it was written.
  expect((await after.put(`/api/messages/${String(id)}`, ada, { content: now })).body).toMatchObject({
    content: now,
    message_type: "text",
  });
  // An operator may leave out the path.
  const headers = { authorization: `Bearer ${ben.token}` };
  for (const path of [new URL(now).pathname, new URL(now).pathname.replace("/api", "")]) {
    const answer = await fetch(`${after.url}${path}`, { headers });
    expect([path, answer.status, (await answer.arrayBuffer()).byteLength > 0]).toEqual([path, 200, true]);
  }
});
