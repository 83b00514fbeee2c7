import { afterAll, beforeAll, expect, test } from "vitest";
import { multipart, multipartType } from "../fixtures/multipart.ts";
import { png } from "../fixtures/pictures.ts";
import { startTestServer, type Registered, type TestServer } from "../fixtures/test-server.ts";

let server: TestServer;
let ann: Registered;
let ben: Registered;
let eve: Registered;
beforeAll(async () => {
  server = await startTestServer();
  ann = await server.register("ann");
  ben = await server.register("ben");
  eve = await server.register("eve");
});
afterAll(() => server[Symbol.asyncDispose]());

async function upload(path: string, field: string, headers: Record<string, string> = {}) {
  const body = multipart({ name: field, filename: "x.png", data: await png() });
  return server.request("POST", path, { token: ann.access, headers: { ...multipartType, ...headers }, body });
}
const attach = async (headers?: Record<string, string>): Promise<string> =>
  (await upload("/api/media/attachments", "attachment", headers)).json()["url"] as string;
/** The type that a message of ann to ben is stored with. */
async function sentAs(content: string, type = "image"): Promise<string> {
  const body = { recipient_id: ben.id, content, message_type: type };
  const answer = await server.request("POST", "/api/messages", { token: ann.access, body });
  expect([answer.status, answer.json()["content"]]).toEqual([201, content.trim()]);
  return answer.json()["message_type"] as string;
}

test("URLs begin with the server's own address, whatever the request's headers claim", async () => {
  const forged = { host: "evil.example", "x-forwarded-host": "evil.example", "x-forwarded-proto": "https" };
  expect(await attach(forged)).toMatch(`${server.url}/api/media/attachments/${ann.id}/`);
  const { user } = (await upload("/api/users/me/avatar", "avatar", forged)).json() as { user: { avatar: string } };
  expect(user.avatar).toMatch(`${server.url}/api/media/avatars/avatars/${ann.id}/`);
  const me = await server.request("GET", "/api/users/me", { token: ann.access });
  expect(me.json()["user"]).toMatchObject({ avatar: user.avatar });
  expect((await server.request("GET", new URL(user.avatar).pathname, { token: eve.access })).status).toBe(200);
});

test("an attachment is sent as an image or a file, and its reader may fetch it", async () => {
  const url = await attach();
  const path = new URL(url).pathname;
  expect((await server.request("GET", path, { token: ben.access })).status).toBe(404);
  expect([await sentAs(url), await sentAs(` ${url} `, "FILE"), await sentAs(url, "video")]).toEqual([
    "image",
    "file",
    "text",
  ]);
  expect((await server.request("GET", path, { token: ben.access })).headers["content-type"]).toBe("image/png");
  expect((await server.request("GET", path, { token: eve.access })).status).toBe(404);
});

test("what is not exactly such a URL is only text", async () => {
  const url = await attach();
  const { host } = new URL(server.url);
  for (const content of [
    "https://elsewhere.example/steal",
    url.replace(host, "evil.example"),
    url.replace(host, `${host}.evil.example`),
    url.replace(host, `${host}@evil.example`),
    `${server.url}/api/media/attachments/../../users/me`,
    `${server.url}/api/media/attachments/${ann.id}/x.png`,
    `${url}?next=https://evil.example`,
    `${url}\nhttps://evil.example`,
    `https://evil.example/#${url}`,
    `${server.url}/api/users/me`,
  ]) {
    expect([content, await sentAs(content)]).toEqual([content, "text"]);
  }
});

test("D-1: an edit makes no image of an address that is not ours: it is only text then, for its reader too", async () => {
  const edit = async (id: unknown, content: string) => {
    const answer = await server.request("PUT", `/api/messages/${String(id)}`, { token: ann.access, body: { content } });
    expect([answer.status, answer.json()["content"]]).toEqual([200, content]);
    const history = await server.request("GET", `/api/messages?recipient_id=${ann.id}&limit=1`, { token: ben.access });
    const { messages } = history.json() as { messages: { id: number; content: string; message_type: string }[] };
    expect(messages).toMatchObject([{ id, content, message_type: answer.json()["message_type"] }]);
    return answer.json()["message_type"];
  };
  for (const type of ["image", "file"]) {
    const [first, second] = [await attach(), await attach()];
    const body = { recipient_id: ben.id, content: first, message_type: type };
    const id = (await server.request("POST", "/api/messages", { token: ann.access, body })).json()["id"];
    expect(await edit(id, second)).toBe(type);
    expect((await server.request("GET", new URL(second).pathname, { token: ben.access })).status).toBe(200);
    expect(await edit(id, "https://evil.example/steal")).toBe("text");
    // What became text stays text.
    expect(await edit(id, second)).toBe("text");
  }
});

test("a closed account's avatar is gone, what it attached stays with its messages", async () => {
  const leaver = await server.register("leaver");
  const send = async (path: string, field: string) => {
    const body = multipart({ name: field, filename: "x.png", data: await png() });
    return server.request("POST", path, { token: leaver.access, headers: multipartType, body });
  };
  const { user } = (await send("/api/users/me/avatar", "avatar")).json() as { user: { avatar: string } };
  const url = (await send("/api/media/attachments", "attachment")).json()["url"] as string;
  const message = { recipient_id: ben.id, content: url, message_type: "image" };
  await server.request("POST", "/api/messages", { token: leaver.access, body: message });
  const fetched = async (of: string) =>
    (await server.request("GET", new URL(of).pathname, { token: ben.access })).status;
  expect([await fetched(user.avatar), await fetched(url)]).toEqual([200, 200]);
  const closed = { token: leaver.access, body: { password: "password of leaver" } };
  expect((await server.request("POST", "/api/users/me/delete", closed)).status).toBe(200);
  expect([await fetched(user.avatar), await fetched(url)]).toEqual([404, 200]);
});
