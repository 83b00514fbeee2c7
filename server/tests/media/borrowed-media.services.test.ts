import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startChatServer, type ChatServer, type TestUser } from "../fixtures/chat-server.ts";

interface Sent {
  id: number;
  message_type: string;
}

describe("attachments of others in own messages", () => {
  let server: ChatServer;
  let ann: TestUser;
  let ben: TestUser;
  let eve: TestUser;
  beforeAll(async () => {
    server = await startChatServer();
    [ann, ben, eve] = [await server.register("ann"), await server.register("ben"), await server.register("eve")];
  });
  afterEach(() => server.closeSockets());
  afterAll(() => server[Symbol.asyncDispose]());

  /** A new attachment of ann's. */
  async function attach(): Promise<string> {
    const body = new FormData();
    body.append("attachment", new Blob(["x"]), "x.txt");
    const headers = { authorization: `Bearer ${ann.token}` };
    const answer = await fetch(`${server.url}/api/media/attachments`, { method: "POST", headers, body });
    return ((await answer.json()) as { url: string }).url;
  }
  async function mayRead(user: TestUser, url: string): Promise<boolean> {
    const answer = await fetch(url, { headers: { authorization: `Bearer ${user.token}` } });
    await answer.arrayBuffer();
    expect([200, 404]).toContain(answer.status);
    return answer.status === 200;
  }
  const sendTo = async (from: TestUser, to: TestUser, content: string, type = "file"): Promise<Sent> => {
    const answer = await server.post("/api/messages", from, { recipient_id: to.id, content, message_type: type });
    expect([answer.status, answer.body["content"]]).toEqual([201, content]);
    return answer.body as unknown as Sent;
  };
  let groupMessages = 0;
  const sendToGroup = async (from: TestUser, group: number, content: string): Promise<Sent> => {
    const message = { client_id: `g${(groupMessages += 1)}`, content, message_type: "file" };
    return (await server.post(`/api/groups/${group}/messages`, from, message)).body as unknown as Sent;
  };
  /** A group of ann and ben. */
  async function newGroup(): Promise<number> {
    const group = Number((await server.post("/api/groups", ann, { name: "Walkers" })).body["id"]);
    await server.post(`/api/groups/${group}/members`, ann, { user_id: ben.id });
    return group;
  }

  test("whoever may read an attachment may forward it, and then its readers may", async () => {
    const url = await attach();
    await sendTo(ann, ben, url);
    expect((await sendTo(ben, eve, url, "image")).message_type).toBe("image");
    expect(await mayRead(eve, url)).toBe(true);
    expect((await sendTo(eve, eve, url)).message_type).toBe("file");
  });

  test.each([
    ["was never shown it", async () => undefined],
    ["was shown it in a text only", async (url: string) => void (await sendTo(ann, ben, url, "text"))],
    [
      "left its group",
      async (url: string) => {
        const group = await newGroup();
        await sendToGroup(ann, group, url);
        expect(await mayRead(ben, url)).toBe(true);
        await server.post(`/api/groups/${group}/leave`, ben, {});
      },
    ],
    [
      "deleted the conversation",
      async (url: string) => {
        await sendTo(ann, ben, url);
        expect(await mayRead(ben, url)).toBe(true);
        await server.remove(`/api/conversations/user_${ann.id}`, ben);
      },
    ],
    [
      "saw its message deleted",
      async (url: string) => {
        const { id } = await sendTo(ann, ben, url);
        expect(await mayRead(ben, url)).toBe(true);
        await server.remove(`/api/messages/${id}`, ann);
      },
    ],
    [
      "saw its message changed",
      async (url: string) => {
        const { id } = await sendTo(ann, ben, url);
        expect(await mayRead(ben, url)).toBe(true);
        await server.put(`/api/messages/${id}`, ann, { content: await attach() });
      },
    ],
  ])("whoever %s cannot get it by its URL: what names it is only text", async (_why, lose) => {
    const url = await attach();
    await lose(url);
    const group = await newGroup();
    const own = await sendTo(ben, ben, await ownAttachment());
    const attempts = [
      await sendTo(ben, ben, url),
      await sendTo(ben, eve, url, "image"),
      await sendToGroup(ben, group, url),
      (await server.put(`/api/messages/${own.id}`, ben, { content: url })).body as unknown as Sent,
    ];
    expect(attempts.map(({ message_type: type }) => type)).toEqual(["text", "text", "text", "text"]);
    expect([await mayRead(ann, url), await mayRead(ben, url), await mayRead(eve, url)]).toEqual([true, false, false]);
  });

  /** Something of ben's that a file message may name. */
  async function ownAttachment(): Promise<string> {
    const url = await attach();
    await sendTo(ann, ben, url);
    return url;
  }

  test("a file message may be changed to another attachment that its author may read", async () => {
    const { id } = await sendTo(ben, eve, await ownAttachment());
    const other = await ownAttachment();
    expect((await server.put(`/api/messages/${id}`, ben, { content: other })).body).toMatchObject({
      content: other,
      message_type: "file",
    });
    expect(await mayRead(eve, other)).toBe(true);
  });

  test("over a socket too, told to the recipient as it is stored, and messages keep their order", async () => {
    const [seen, unseen] = [await ownAttachment(), await attach()];
    const [from, to] = [await server.open(ben, "&resume=1"), await server.open(eve, "&resume=1")];
    const contents = ["before", unseen, "between", seen, "after"];
    contents.forEach((content, i) =>
      from.send("chat", { client_id: `borrowed-${i}`, recipient_id: eve.id, content, message_type: "file" }),
    );
    const told: unknown[] = [];
    while (told.length < contents.length) {
      const { content, message_type: type } = (await to.next("message"))["message"] as Record<string, unknown>;
      told.push([content, type]);
    }
    expect(told).toEqual(contents.map((content) => [content, content === seen ? "file" : "text"]));
    expect([await mayRead(eve, seen), await mayRead(eve, unseen)]).toEqual([true, false]);
  });
});
