import { randomBytes, randomUUID } from "node:crypto";
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { frameErrors } from "@om/protocol";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startChatServer, type ChatServer, type TestSocket, type TestUser } from "../fixtures/chat-server.ts";

let server: ChatServer;
let ada: TestUser;
let ben: TestUser;
let socket: TestSocket;
beforeAll(async () => {
  server = await startChatServer({ ALLOWED_ORIGINS: "https://chat.example.org" });
  [ada, ben] = [await server.register("ada"), await server.register("ben")];
});
afterEach(() => server.closeSockets());
afterAll(() => server[Symbol.asyncDispose]());

/** Sends one frame and expects this error; then the socket and the process still work. */
async function refused(raw: string | Buffer, code: keyof typeof frameErrors, more: object = {}): Promise<void> {
  socket = await server.open(ada);
  socket.sendRaw(raw);
  expect(await socket.next("error")).toMatchObject({ code, error: frameErrors[code], ...more });
  await socket.settled();
  expect(socket.frames).toHaveLength(1);
}
const frame = (type: string, payload: unknown): string => JSON.stringify({ type, payload });

describe("frames that cannot be understood", () => {
  test.each([
    ["malformed JSON", "{bad"],
    ["an array", "[1,2]"],
    ["a number", "7"],
    ["null", "null"],
    ["no type", "{}"],
    ["an unknown type", frame("fly", {})],
    ["a type of the prototype", frame("constructor", {})],
    ["no payload", '{"type":"ping"}'],
    ["a payload of text", frame("chat", "text")],
    ["a wrong type in a field", frame("read", { message_id: "7" })],
    ["a negative id", frame("read", { message_id: -7 })],
    ["a fraction", frame("read", { message_id: 1.5 })],
    ["an id beyond 2^53", '{"type":"read","payload":{"message_id":90071992547409930}}'],
    ["a frame of more than 128 kB", frame("typing", { extra: "x".repeat(128 * 1024) })],
    ["a sync of more than 512 kB", frame("sync", { extra: "x".repeat(512 * 1024) })],
    ["brackets 100,000 deep", `${"[".repeat(100_000)}${"]".repeat(100_000)}`],
  ])("%s", (_, raw) => refused(raw, "invalid_message"));

  test("missing payload and unknown type say so in their details", async () => {
    await refused('{"type":"ping"}', "invalid_message", { details: "unexpected end of JSON input" });
    await refused(frame("fly", {}), "invalid_message", { details: "unknown message type: fly" });
  });

  test("binary that is not gzip, cut gzip, and a bomb", async () => {
    await refused(randomBytes(64), "decompression_failed");
    await refused(gzipSync(frame("ping", {})).subarray(0, 20), "decompression_failed");
    await refused(gzipSync(Buffer.alloc(5 * 1024 * 1024, 0x20)), "decompression_failed");
  });

  test("A1: a bomb that says it is small is inflated no further than it says", async () => {
    const bomb = gzipSync(Buffer.alloc(5 * 1024 * 1024, 0x20));
    for (const size of [0, 1, 8_192, 500_000]) {
      bomb.writeUInt32LE(size, bomb.length - 4);
      await refused(bomb, "decompression_failed");
    }
  });

  test("a chat that is too large to be read is named, packed or not, so that its sender can stop", async () => {
    const chat = frame("chat", { client_id: "x-1", recipient_id: 1, content: "x".repeat(200_000) });
    for (const raw of [chat, gzipSync(chat)]) await refused(raw, "message_too_long", { client_id: "x-1" });
  });

  test("A1: a sync may be larger than other frames, and what it finds is cut into pieces", async () => {
    const content = "x".repeat(16_000);
    const cy = await server.register("cyd");
    for (let i = 0; i < 10; i++) await server.post("/api/messages", ben, { recipient_id: cy.id, content });
    socket = await server.open(cy, "&resume=1");
    const conversations = Array.from({ length: 4_500 }, () => ({
      conversation_id: "user_999999999",
      last_message_id: 0,
    }));
    conversations.unshift({ conversation_id: `user_${ben.id}`, last_message_id: 0 });
    const sync = frame("sync", { conversations });
    expect(sync.length).toBeGreaterThan(250_000);
    for (const raw of [sync, gzipSync(sync)]) {
      socket.sendRaw(raw);
      const { messages, has_more: more } = await socket.next("sync_response");
      expect([(messages as unknown[]).length, more]).toEqual([4, true]);
      for (let i = 0; i < 4_500; i++) await socket.next("sync_response");
    }
  });

  test("a frame beyond 1 MiB closes the socket with 1009, and the server lives on", async () => {
    socket = await server.open(ada);
    socket.sendRaw(Buffer.alloc(2 * 1024 * 1024));
    expect((await socket.closed).code).toBe(1009);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
  });

  test("inbound gzip is accepted without negotiation", async () => {
    socket = await server.open(ada, "");
    socket.sendRaw(gzipSync(frame("chat", { client_id: randomUUID(), recipient_id: ben.id, content: "packed" })));
    expect(await socket.next("ack")).toMatchObject({ status: "sent" });
  });
});

describe("chat frames that are refused", () => {
  test.each([
    ["no client_id", { recipient_id: 1 }, "missing_client_id", undefined],
    ["an empty client_id", { client_id: "", recipient_id: 1 }, "missing_client_id", undefined],
    ["no target", { client_id: "a" }, "missing_recipient", "a"],
    ["null targets", { client_id: "a", recipient_id: null, group_id: null }, "missing_recipient", "a"],
    ["two targets", { client_id: "a", recipient_id: 1, group_id: 1 }, "invalid_target", "a"],
    ["a foreign group", { client_id: "a", group_id: 1 }, "not_group_member", "a"],
    ["an unknown recipient", { client_id: "a", recipient_id: 999_999_999 }, "save_failed", "a"],
    ["recipient 0", { client_id: "a", recipient_id: 0 }, "save_failed", "a"],
    ["a client_id of 37 characters", { client_id: "x".repeat(37), recipient_id: 1 }, "save_failed", "x".repeat(37)],
    ["NUL in the client_id", { client_id: "a\0b", recipient_id: 1 }, "save_failed", "a\0b"],
    ["a field of the wrong type", { client_id: "a", recipient_id: 1, content: 7 }, "invalid_message", "a"],
  ] as const)("%s", (_, payload, code, clientId) =>
    refused(frame("chat", payload), code, clientId === undefined ? {} : { client_id: clientId }),
  );

  test.each([
    ["ack without server_id", frame("ack", { status: "read" }), "missing_server_id"],
    ["ack with another status", frame("ack", { server_id: 1, status: "eaten" }), "invalid_status"],
  ] as const)("%s", (_, raw, code) => refused(raw, code));

  test("too many conversations in one sync", async () => {
    const conversations = Array.from({ length: 5_001 }, () => ({ conversation_id: "user_1" }));
    await refused(frame("sync", { conversations }), "invalid_message", { details: "too many conversations" });
  });
});

describe("text of every kind is stored and comes back", () => {
  test.each([
    ["NUL", "a\0b", "a\ufffdb"],
    ["a lone surrogate", "a\ud800b", "a\ufffdb"],
    ["4-byte characters", "😀🏳️‍🌈", "😀🏳️‍🌈"],
    ["blanks around", "  salam \n", "salam"],
    ["nothing", "", ""],
    ["markup", "<b>&amp;</b>\u2028", "<b>&amp;</b>"],
    ["the longest", "ß".repeat(16_000), "ß".repeat(16_000)],
    ["the longest of 4-byte characters", `  ${"😀".repeat(16_000)} `, "😀".repeat(16_000)],
  ])("%s", async (_, content, expected) => {
    socket = await server.open(ada, "&gzip=1");
    socket.send("chat", { client_id: randomUUID(), recipient_id: ben.id, content, message_type: "text" });
    const ack = await socket.next("ack");
    const history = await server.get(`/api/messages?recipient_id=${ben.id}&limit=1`, ada);
    expect(history.body).toMatchObject({ messages: [{ id: ack["server_id"], content: expected }] });
  });

  test("too long is refused everywhere and cut nowhere", async () => {
    const content = `${"😀".repeat(16_000)}x`;
    const code = "message_too_long";
    socket = await server.open(ada, "&gzip=1");
    socket.send("chat", { client_id: "long", recipient_id: ben.id, content, message_type: "text" });
    expect(await socket.next("error")).toMatchObject({
      code,
      client_id: "long",
      details: "Message is longer than 16000 characters",
    });
    const first = await server.post("/api/messages", ada, { recipient_id: ben.id, content: "short" });
    const group = await server.post("/api/groups", ada, { name: "Long" });
    const refusals = [
      await server.post("/api/messages", ada, { recipient_id: ben.id, content }),
      await server.post(`/api/groups/${String(group.body["id"])}/messages`, ada, { client_id: "long", content }),
      await server.put(`/api/messages/${String(first.body["id"])}`, ada, { content }),
    ];
    expect(refusals).toMatchObject(refusals.map(() => ({ status: 400, body: { code } })));
    const history = await server.get(`/api/messages?recipient_id=${ben.id}&limit=1`, ada);
    expect(history.body).toMatchObject({ messages: [{ id: first.body["id"], content: "short" }] });
  });

  test("an image or file that is no URL of ours is only text", async () => {
    socket = await server.open(ada);
    for (const type of ["image", "file", "IMAGE ", "video"]) {
      const content = "https://elsewhere.example.org/steal";
      socket.send("chat", { client_id: randomUUID(), recipient_id: ben.id, content, message_type: type });
      await socket.next("ack");
      const history = await server.get(`/api/messages?recipient_id=${ben.id}&limit=1`, ada);
      expect(history.body).toMatchObject({ messages: [{ message_type: "text", content }] });
    }
  });
});

describe("handshake", () => {
  /** Status and body of an upgrade request written by hand. */
  const upgrade = (
    lines: string[],
    path = "/ws",
    { method = "GET", body = "" } = {},
  ): Promise<{ status: number; head: string; body: string }> =>
    new Promise((resolve, reject) => {
      const line = connect(Number(new URL(server.url).port), "127.0.0.1");
      let text = "";
      line.on("data", (data) => {
        text += data.toString();
        if (text.startsWith("HTTP/1.1 101")) line.destroy();
      });
      line.on("error", reject);
      line.on("close", () => {
        const [head = "", body = ""] = text.split("\r\n\r\n", 2);
        resolve({ status: Number(head.slice(9, 12)), head, body });
      });
      line.write([`${method} ${path} HTTP/1.1`, "Host: x", ...lines, "", body].join("\r\n"));
    });
  const ok = [
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${"A".repeat(22)}==`,
  ];

  test("foreign origin 403 before the token, then the three 401 codes, then 426", async () => {
    expect(await upgrade([...ok, "Origin: https://evil.example.org"])).toMatchObject({ status: 403 });
    expect((await upgrade(ok)).body).toContain('"missing_access_token"');
    expect((await upgrade(ok, "/ws?token=forged")).body).toContain('"invalid_access_token"');
    const bad = await upgrade([...ok, "Authorization: Token x", `Cookie: om_access=${ada.token}`]);
    expect([bad.status, bad.body.includes('"invalid_authorization"')]).toEqual([401, true]);
    const noKey = await upgrade(ok.slice(0, 3), `/ws?token=${ada.token}`);
    expect([noKey.status, noKey.body]).toEqual([426, "Upgrade Required"]);
    const oldVersion = ok.map((line) => line.replace("13", "8"));
    expect((await upgrade(oldVersion, `/ws?token=${ada.token}`)).status).toBe(426);
    expect((await upgrade(ok, "/elsewhere")).status).toBe(404);
  });

  test.each([
    ["h2c", ["Connection: Upgrade, HTTP2-Settings, close", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQBAAAAAAIAAAAA"]],
    ["TLS", ["Connection: Upgrade, close", "Upgrade: TLS/1.2"]],
    ["two others", ["Connection: Upgrade, close", "Upgrade: h2c, foo"]],
  ])("an offer of another protocol is ignored: %s", async (_, offer) => {
    const login = JSON.stringify({ email: "nobody@example.org", password: "not the password" });
    const post = ["Content-Type: application/json", `Content-Length: ${login.length}`];
    const [plain, id] = [["Connection: close"], "X-Request-ID: the-same"];
    const answers = async (offered: string[]) => {
      const all = [
        await upgrade([...offered, id], "/health"),
        await upgrade([...offered, id], "/api/conversations"),
        await upgrade([...offered, id], "/ws"),
        await upgrade([...offered, id, ...post], "/api/auth/login", { method: "POST", body: login }),
      ];
      return all.map(({ status, body }) => ({ status, body }));
    };
    expect(await answers(offer)).toEqual(await answers(plain));
    expect((await answers(offer)).map(({ status }) => status)).toEqual([200, 401, 401, 401]);
  });

  test("header, cookie and query token open a socket; request id, CORS and no compression on the 101", async () => {
    const bearer = [`Authorization: Bearer ${ada.token}`, "X-Request-ID: my-id", "Origin: https://chat.example.org"];
    const opened = await upgrade([...ok, ...bearer, "Sec-WebSocket-Extensions: permessage-deflate"]);
    expect(opened.status).toBe(101);
    expect(opened.head).toContain("X-Request-ID: my-id");
    expect(opened.head).toContain("Access-Control-Allow-Origin: https://chat.example.org");
    expect(opened.head).not.toContain("permessage-deflate");
    expect((await upgrade([...ok, `Cookie: om_access=${ada.token}`])).status).toBe(101);
    expect((await upgrade(ok, `/WS/?token=${ada.token}`)).status).toBe(101);
  });
});

test("pushes above 512 bytes are gzip binary only where negotiated; acks never are", async () => {
  const [plain, packed] = [await server.open(ben, "&resume=1"), await server.open(ben)];
  socket = await server.open(ada);
  socket.send("chat", { client_id: randomUUID(), recipient_id: ben.id, content: "long ".repeat(200) });
  expect(await socket.next("ack")).toMatchObject({ binary: false });
  expect(await plain.next("message")).toMatchObject({ binary: false });
  expect(await packed.next("message")).toMatchObject({
    binary: true,
    message: { content: "long ".repeat(200).trim() },
  });
  socket.send("typing", { recipient_id: ben.id, is_typing: true });
  expect(await packed.next("typing")).toMatchObject({ binary: false });
});
