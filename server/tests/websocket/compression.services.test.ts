import { once } from "node:events";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { startChatServer, type ChatServer, type TestSocket, type TestUser } from "../fixtures/chat-server.ts";

let server: ChatServer;
let ada: TestUser;
let ben: TestUser;
beforeAll(async () => {
  server = await startChatServer();
  [ada, ben] = [await server.register("ada"), await server.register("ben")];
});
afterEach(() => server.closeSockets());
afterAll(() => server[Symbol.asyncDispose]());

let sent = 0;
/** A message from ada to ben of so many characters, in ASCII. */
function chat(from: TestSocket, characters: number): void {
  const content = `${(sent += 1)} `.padEnd(characters, "x");
  from.send("chat", { client_id: `c${sent}`, recipient_id: ben.id, content, message_type: "text" });
}
/** The next frame as it came over the wire. */
async function wire(socket: TestSocket): Promise<{ binary: boolean; bytes: number }> {
  const [data, binary] = (await once(socket.ws, "message")) as [Buffer, boolean];
  return { binary, bytes: data.length };
}

test("text vs gzip binary at 512/513 bytes, with and without gzip=1", async () => {
  const from = await server.open(ada);
  const [plain, packed] = [await server.open(ben, "&resume=1"), await server.open(ben, "&resume=1&gzip=1")];
  const seen = new Map<number, boolean>();
  // Length of the rest of the frame, which varies a little: ids grow and times drop their zeros.
  let rest = 450;
  while (!seen.has(512) || !seen.has(513)) {
    const both = Promise.all([wire(plain), wire(packed)]);
    const length = (seen.has(512) ? 513 : 512) - rest;
    chat(from, length);
    const [text, gzip] = await both;
    rest = text.bytes - length;
    expect(text.binary).toBe(false);
    expect([text.bytes, gzip.binary]).toEqual([text.bytes, text.bytes > 512]);
    expect(gzip.binary ? gzip.bytes < text.bytes : gzip.bytes === text.bytes).toBe(true);
    seen.set(text.bytes, gzip.binary);
  }
  expect([seen.get(512), seen.get(513)]).toEqual([false, true]);
});

test("the header X-Supports-Gzip: 1 asks for gzip like gzip=1; gzip=true does not", async () => {
  const from = await server.open(ada);
  const devices = [await server.open(ben, "&resume=1&gzip=true"), await server.open(ben, "&resume=1")];
  chat(from, 2_000);
  for (const device of devices) expect(await device.next("message")).toMatchObject({ binary: false });
  const url = `${server.url.replace("http", "ws")}/ws?resume=1&token=${ben.token}`;
  const asked = new WebSocket(url, { headers: { "X-Supports-Gzip": "1" } });
  await once(asked, "open");
  const came = once(asked, "message");
  chat(from, 2_000);
  expect((await came)[1]).toBe(true);
  asked.close();
});

test("batch, ack, group_read_update, sync_response and error are never compressed", async () => {
  const sender = await server.open(ada);
  for (let i = 0; i < 3; i++) chat(sender, 1_000);
  await sender.settled();
  const device = await server.open(ben);
  const batch = await device.next("batch");
  expect([batch.binary, JSON.stringify(batch).length > 3_000]).toEqual([false, true]);
  expect(sender.frames.filter(({ type }) => type === "ack").map(({ binary }) => binary)).toEqual([false, false, false]);

  device.send("sync", { conversations: [{ conversation_id: `user_${ada.id}`, last_message_id: 0 }] });
  const synced = await device.next("sync_response");
  expect([synced.binary, JSON.stringify(synced).length > 3_000]).toEqual([false, true]);
  device.send("chat", { client_id: "x".repeat(200), recipient_id: ada.id });
  expect(await device.next("error")).toMatchObject({ binary: false });

  const { body: group } = await server.post("/api/groups", ada, { name: "Packed" });
  const path = `/api/groups/${Number(group["id"])}`;
  await server.post(`${path}/members`, ada, { user_id: ben.id });
  const { body: message } = await server.post(`${path}/messages`, ada, { client_id: "g", content: "x".repeat(900) });
  expect(await device.next("message")).toMatchObject({ binary: true });
  device.send("group_read", { group_id: group["id"], last_read_message_id: message["id"] });
  expect(await sender.next("group_read_update")).toMatchObject({ user_id: ben.id, binary: false });
});
