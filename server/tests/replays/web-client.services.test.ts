import { once } from "node:events";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import type { TestSocket } from "../fixtures/chat-server.ts";
import { startTestServer, type TestServer } from "../fixtures/test-server.ts";
import { createWebClient, socketHost, webHost, webOrigin, type WebClient } from "../fixtures/web-client.ts";

interface WebUser {
  id: number;
  username: string;
  client: WebClient;
}

/** What the page reads of a user. */
const userOf = (username: string, own: boolean) => ({
  id: expect.any(Number) as number,
  username,
  email: own ? `${username.toLowerCase()}@example.org` : expect.any(String),
  full_name: expect.any(String) as string,
  avatar: expect.any(String) as string,
  is_online: expect.any(Boolean) as boolean,
  last_seen: null,
});
/** 23 characters, as the page makes them. */
const newClientId = (() => {
  let n = 0;
  return () => `msg_${String((n += 1)).padStart(19, "0")}`;
})();
const chatTo = (from: WebUser, to: WebUser, content: string, clientId = newClientId()) => ({
  client_id: clientId,
  conversation_id: `user_${Math.min(from.id, to.id)}_${Math.max(from.id, to.id)}`,
  recipient_id: to.id,
  content,
  message_type: "text",
});
const textOf = (frame: Record<string, unknown>) => (frame["message"] as { content: string }).content;

describe("the web client", () => {
  const clock = { now: Date.now() };
  let server: TestServer;
  const sockets: TestSocket[] = [];
  const faults: unknown[] = [];
  beforeAll(async () => {
    const env = {
      ALLOWED_ORIGINS: webOrigin,
      COOKIE_DOMAIN: "example.org",
      COOKIE_SECURE: "true",
      FRAME_RATE: "",
    };
    server = await startTestServer({ env, now: () => clock.now });
  });
  afterEach(() => {
    expect(faults).toEqual([]);
    for (const { frames } of sockets.splice(0)) {
      expect(frames.filter(({ type, binary }) => binary || type === "batch")).toEqual([]);
    }
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const browser = () => createWebClient(server, () => clock.now, faults);
  async function signUp(username: string): Promise<WebUser> {
    const client = browser();
    const form = {
      username,
      email: `${username.toLowerCase()}@example.org`,
      password: "ten letters",
      full_name: username,
    };
    const { status, body } = await client.call("POST", "/auth/register", form);
    expect([status, body["user"]]).toMatchObject([201, userOf(username, true)]);
    return { id: (body["user"] as { id: number }).id, username, client };
  }
  async function openChat({ client }: WebUser): Promise<TestSocket> {
    const socket = await client.openChat();
    sockets.push(socket);
    return socket;
  }
  async function leave(socket: TestSocket): Promise<void> {
    socket.ws.close(1000);
    await socket.closed;
  }

  test("register: a password of 6 is refused with a text to show, then the CSRF token that is there serves", async () => {
    const client = browser();
    const form = { username: "sixer", email: "sixer@example.org", full_name: "Six" };
    expect(await client.call("POST", "/auth/register", { ...form, password: "sixsix" })).toMatchObject({
      status: 400,
      body: { error: "Password is too short" },
    });
    expect(client.isLoggedIn()).toBe(false);
    expect((await client.call("POST", "/auth/register", { ...form, password: "sixsixsixsix" })).status).toBe(201);
    expect(client.isLoggedIn()).toBe(true);
    expect(client.seen.map(({ call }) => call)).toEqual([
      "GET /auth/csrf",
      "POST /auth/register",
      "POST /auth/register",
    ]);
    expect((await client.call("GET", "/users/me")).body["user"]).toMatchObject({ email: "sixer@example.org" });
  });

  test("login: the wrong password is told in words, the right one lets in", async () => {
    await signUp("Logan");
    const client = browser();
    const form = { email: "logan@example.org", password: "not this one" };
    expect(await client.call("POST", "/auth/login", form)).toMatchObject({
      status: 401,
      body: { error: "Invalid credentials" },
    });
    expect(client.isLoggedIn()).toBe(false);
    const { status, body } = await client.call("POST", "/auth/login", { ...form, password: "ten letters" });
    expect([status, body["user"]]).toMatchObject([200, userOf("Logan", true)]);
    expect(client.isLoggedIn()).toBe(true);
  });

  test("profile: a free name, a taken one, then the change", async () => {
    const [{ client }] = [await signUp("Penny"), await signUp("Taken")];
    const check = async (name: string) =>
      (await client.call("GET", `/users/check-username?username=${name}`)).body["available"];
    expect([await check("penny_new"), await check("tAKEN")]).toEqual([true, false]);
    expect(await client.call("PUT", "/users/me", { username: "taken" })).toMatchObject({
      status: 400,
      body: { error: "username already taken" },
    });
    for (const [change, wanted] of [
      [{ username: "penny_new" }, { username: "penny_new", full_name: "Penny" }],
      [{ full_name: "Penny New" }, { username: "penny_new", full_name: "Penny New" }],
    ] as const) {
      const { status, body } = await client.call("PUT", "/users/me", change);
      expect([status, body["user"]]).toMatchObject([200, { ...userOf("Penny", true), ...wanted }]);
    }
    expect((await client.call("GET", "/users/me")).body["user"]).toMatchObject({ full_name: "Penny New" });
  });

  test("search finds at most 20, with every field the page shows; one user by name", async () => {
    const seeker = await signUp("Seeker");
    await Promise.all(
      Array.from({ length: 21 }, (_, i) =>
        server.request("POST", "/api/auth/register", {
          body: { username: `crowd_${i}`, email: `crowd_${i}@example.org`, password: "ten letters" },
        }),
      ),
    );
    const { status, body } = await seeker.client.call("GET", "/users/search?q=CROWD&limit=20");
    const users = body["users"] as { username: string }[];
    expect([status, users.length]).toEqual([200, 20]);
    for (const user of users) expect(user).toMatchObject(userOf(user.username, false));
    expect((await seeker.client.call("GET", "/users/crowd_7")).body["user"]).toMatchObject(userOf("crowd_7", false));
    expect(await seeker.client.call("GET", "/users/nobody_here")).toMatchObject({
      status: 404,
      body: { error: "User not found" },
    });
  });

  test("a chat: ping, send, the ack and the message as the page reads them, on text frames only", async () => {
    const [ada, ben] = [await signUp("Ada"), await signUp("Ben")];
    const [from, to] = [await openChat(ada), await openChat(ben)];
    from.send("ping", {});
    expect(await from.next("pong")).toMatchObject({ type: "pong" });
    const sent = chatTo(ada, ben, "x".repeat(2_000));
    from.send("chat", sent);
    const ack = await from.next("ack");
    expect(ack).toMatchObject({ client_id: sent.client_id, server_id: expect.any(Number) as number, status: "sent" });
    const { message } = (await to.next("message")) as unknown as { message: Record<string, unknown> };
    expect(message).toMatchObject({
      client_id: sent.client_id,
      id: ack["server_id"],
      conversation_id: `user_${ada.id}_${ben.id}`,
      sender_id: ada.id,
      recipient_id: ben.id,
      content: sent.content,
      message_type: "text",
      version: 1,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
    });
    expect(message["is_encrypted"] ?? false).toBe(false);
    to.send("chat", chatTo(ben, ada, "back"));
    expect(textOf(await from.next("message"))).toBe("back");
  });

  test("what waited comes in single frames in order, once", async () => {
    const [ada, ben] = [await signUp("WaitA"), await signUp("WaitB")];
    const first = await openChat(ben);
    await leave(first);
    const from = await openChat(ada);
    const texts = ["one", "two", "three"];
    for (const text of texts) {
      from.send("chat", chatTo(ada, ben, text));
      await from.next("ack");
    }
    const second = await openChat(ben);
    const waited = second.frames.filter(({ type }) => type !== "user_status");
    expect(waited.map(({ type }) => type)).toEqual(texts.map(() => "message"));
    expect(waited.map(textOf)).toEqual(texts);
    // Its pong to the ping that followed tells that they arrived.
    await from.next("delivery_update");
    await leave(second);
    const third = await openChat(ben);
    from.send("chat", chatTo(ada, ben, "four"));
    expect(textOf(await third.next("message"))).toBe("four");
    expect(third.frames.filter(({ type }) => type === "message")).toHaveLength(1);
  });

  test("after 15 minutes: one refresh, then the same call with the same CSRF token", async () => {
    const { client } = await signUp("Late");
    clock.now += 15 * 60_000;
    client.seen.length = 0;
    expect((await client.call("PUT", "/users/me", { full_name: "Later" })).body["user"]).toMatchObject({
      full_name: "Later",
    });
    const csrf = client.jar.readable(webHost, "om_csrf");
    expect(client.seen).toEqual([
      { call: "PUT /users/me", status: 401, csrf },
      { call: "POST /auth/refresh", status: 200, csrf: undefined },
      { call: "PUT /users/me", status: 200, csrf },
    ]);
  });

  test("a socket outlives its access token; the next one needs the cookie that a refresh brought", async () => {
    const [ada, ben] = [await signUp("LongA"), await signUp("LongB")];
    const [from, to] = [await openChat(ada), await openChat(ben)];
    clock.now += 16 * 60_000;
    from.send("ping", {});
    await from.next("pong");
    from.send("chat", chatTo(ada, ben, "still here"));
    await from.next("ack");
    expect(textOf(await to.next("message"))).toBe("still here");
    await leave(from);
    expect(await handshake(server, ada.client.jar.header(socketHost))).toBe(401);
    expect((await ada.client.call("GET", "/users/me")).status).toBe(200);
    const again = await openChat(ada);
    again.send("chat", chatTo(ada, ben, "and again"));
    expect(await again.next("ack")).toMatchObject({ status: "sent" });
  });

  test("logout answers with JSON, leaves no cookie that the page guard looks for, and never closes a socket with 1000", async () => {
    const ada = await signUp("Leaver");
    const socket = await openChat(ada);
    const refresh = ada.client.jar.value(webHost, "om_refresh") ?? "";
    expect(refresh).not.toBe("");
    expect(await ada.client.call("POST", "/auth/logout")).toEqual({ status: 200, body: { ok: true } });
    expect((await socket.closed).code).not.toBe(1000);
    expect(ada.client.isLoggedIn()).toBe(false);
    expect((await ada.client.call("GET", "/users/me")).status).toBe(401);
    expect(await handshake(server, ada.client.jar.header(socketHost))).toBe(401);
    const old = await server.request("POST", "/api/auth/refresh", { cookie: `om_refresh=${refresh}` });
    expect(old.status).toBe(401);
  });

  test("without the proxy's Origin in the list nothing passes, not even a GET", async () => {
    const { client } = await signUp("Origin");
    const headers = { cookie: client.jar.header(webHost), origin: "https://elsewhere.example.org" };
    const answer = await server.request("GET", "/api/users/me", { headers });
    expect([answer.status, answer.json()["error"]]).toEqual([403, "Origin not allowed"]);
  });
});

/** The status with which a page's socket is refused. */
async function handshake(server: TestServer, cookie: string): Promise<number | undefined> {
  const ws = new WebSocket(`${server.url.replace("http", "ws")}/ws`, { headers: { origin: webOrigin, cookie } });
  ws.on("error", () => undefined);
  const [, response] = (await once(ws, "unexpected-response")) as [unknown, { statusCode?: number }];
  ws.terminate();
  return response.statusCode;
}
