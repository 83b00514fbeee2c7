import { once } from "node:events";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { startChatServer, type ChatServer, type TestUser } from "../fixtures/chat-server.ts";
import { createAccessTokens } from "../../src/accounts/access-token.ts";

const password = "a long password";
const over = { code: 4500, reason: "this session was ended" };

describe("sockets of sessions that end", () => {
  let server: ChatServer;
  let eve: TestUser;
  let mine: TestUser;
  let other: TestUser;
  let otherCookie: string;
  let users = 0;
  beforeAll(async () => {
    server = await startChatServer();
    eve = await server.register("eve");
  });
  beforeEach(async () => {
    mine = await server.register(`nika_${(users += 1)}`);
    const login = { email: `${mine.name}@example.org`, password };
    const answer = await server.post("/api/auth/login", mine, login);
    otherCookie = `om_refresh=${String(answer.body["refresh_token"])}`;
    other = { ...mine, token: String(answer.body["access_token"]) };
  });
  afterEach(() => server.closeSockets());
  afterAll(() => server[Symbol.asyncDispose]());

  const call = async (method: string, path: string, headers: Record<string, string>, body?: unknown) => {
    const init = { method, headers: { "content-type": "application/json", ...headers } };
    const answer = await fetch(`${server.url}${path}`, { ...init, body: JSON.stringify(body) ?? null });
    expect(answer.status).toBe(200);
  };
  const bearer = ({ token }: TestUser) => ({ authorization: `Bearer ${token}` });
  const idOf = async (user: TestUser) => {
    const { sessions } = (await server.get("/api/sessions", user)).body as {
      sessions: { id: number; current: boolean }[];
    };
    return sessions.find(({ current }) => current)?.id;
  };
  /** A token of the old server, which names no session. */
  const oldToken = async (user: TestUser): Promise<TestUser> => {
    const tokens = createAccessTokens("a secret of the tests, long enough", Date.now);
    return { ...user, token: await tokens.issue({ userId: user.id, role: "user" }) };
  };
  const openAll = async () => ({
    kept: await server.open(mine),
    ended: await server.open(other),
    bystander: await server.open(eve),
  });

  test("ending one session closes its sockets with 4500 and no others; its token opens no more", async () => {
    const { kept, ended, bystander } = await openAll();
    const second = await server.open(other);
    await call("DELETE", `/api/sessions/${await idOf(other)}`, bearer(mine));
    expect([await ended.closed, await second.closed]).toEqual([over, over]);
    await kept.settled();
    await bystander.settled();
    const refused = new WebSocket(`${server.url.replace("http", "ws")}/ws?token=${other.token}`);
    const [error] = (await once(refused, "error")) as [Error];
    expect(error.message).toContain("401");
  });

  test("B1: a ticket opens one socket and no second, and a bad one is no way in", async () => {
    const ticket = String((await server.post("/api/sessions/ticket", mine, {})).body["ticket"]);
    const open = (query: string) => new WebSocket(`${server.url.replace("http", "ws")}/ws?${query}`);
    const socket = open(`ticket=${ticket}`);
    await once(socket, "open");
    socket.close(4000);
    for (const query of [`ticket=${ticket}`, "ticket=x", `ticket=x&token=${mine.token}`]) {
      const [error] = (await once(open(query), "error")) as [Error];
      expect(error.message).toContain("401");
    }
  });

  test("end-others closes the others' sockets, those of old tokens too, and the current one survives", async () => {
    const { kept, ended, bystander } = await openAll();
    const old = await server.open(await oldToken(mine));
    await call("POST", "/api/sessions/end-others", bearer(mine));
    expect([await ended.closed, await old.closed]).toEqual([over, over]);
    await kept.settled();
    await bystander.settled();
  });

  test("end-others with an old token closes all sockets of the user", async () => {
    const { kept, ended, bystander } = await openAll();
    const user = await oldToken(mine);
    const old = await server.open(user);
    await call("POST", "/api/sessions/end-others", bearer(user));
    expect([await kept.closed, await ended.closed, await old.closed]).toEqual([over, over, over]);
    await bystander.settled();
  });

  test("a logout closes the sockets of its session", async () => {
    const { kept, ended } = await openAll();
    await call("POST", "/api/auth/logout", { cookie: otherCookie });
    expect(await ended.closed).toEqual(over);
    await kept.settled();
  });

  test("a change of the password closes all sockets but those of the session that changed it", async () => {
    const { kept, ended } = await openAll();
    const body = { current_password: password, new_password: "a better password" };
    await call("PUT", "/api/users/me/password", bearer(mine), body);
    expect(await ended.closed).toEqual(over);
    await kept.settled();
  });

  test("the deletion of an account closes all its sockets", async () => {
    const { kept, ended, bystander } = await openAll();
    await call("POST", "/api/users/me/delete", bearer(mine), { password });
    expect([await kept.closed, await ended.closed]).toEqual([over, over]);
    await bystander.settled();
  });

  test("nobody closes another user's sockets", async () => {
    const { kept, ended } = await openAll();
    const refused = await fetch(`${server.url}/api/sessions/${await idOf(mine)}`, {
      method: "DELETE",
      headers: bearer(eve),
    });
    expect(refused.status).toBe(404);
    await call("POST", "/api/sessions/end-others", bearer(eve));
    await kept.settled();
    await ended.settled();
  });
});
