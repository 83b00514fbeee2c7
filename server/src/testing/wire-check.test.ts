import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { User } from "@om/protocol";
import { describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { OmError } from "../platform/om-error.ts";
import { openTestSocket } from "./chat-server.ts";
import { openHttp } from "./http-server.ts";
import { checkAnswer, checkFrame } from "./wire-check.ts";

const user: User = {
  id: 7,
  username: "nika",
  email: "nika@example.org",
  full_name: "",
  avatar: "",
  role: "user",
  is_online: true,
  last_seen: null,
};

/** An answer of GET /api/users/me as JSON, unless said otherwise. */
const seen = (
  status: number,
  body: unknown,
  { method = "GET", path = "/api/users/me", type = "application/json" } = {},
) => {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return () => checkAnswer({ method, path, status, contentType: type, text });
};
const { email: _email, ...withoutEmail } = user;
const error = { error: "Search query is required", code: "missing_query", request_id: "1" };
const group = "/api/groups/7/join";

describe("an answer", () => {
  test.each([
    ["as the protocol has it", seen(200, { user })],
    ["an optional field", seen(200, { user: { ...user, is_blocked: true } })],
    ["under a path with a parameter, in capitals, with a slash", seen(200, { user }, { path: "/API/Users/ME/?x=1" })],
    ["not changed since", seen(304, "")],
    ["only its head", seen(200, "", { method: "HEAD" })],
    ["an error of the table", seen(400, error)],
    ["a text of the table", seen(400, { error: "group is private" }, { method: "POST", path: group })],
    [
      "an early refusal of a route whose errors are text",
      seen(401, { ...error, code: "missing_access_token" }, { path: group }),
    ],
    ["plain text of the framework", seen(404, "Cannot GET /x", { path: "/x", type: "text/plain; charset=utf-8" })],
    ["what operators ask", seen(200, { message: "OM Messenger is running", status: "ok" }, { path: "/health" })],
  ])("passes: %s", (_, check) => expect(check).not.toThrow());

  test.each([
    ["a missing field", seen(200, { user: withoutEmail }), /GET \/api\/users\/me \(me\) answered 200: \/user .*email/],
    ["a field of another type", seen(200, { user: { ...user, id: "7" } }), /\/user\/id must be integer/],
    ["an unknown field", seen(200, { user: { ...user, password_hash: "x" } }), /\/user .*password_hash/],
    ["an unknown field at the top", seen(200, { user, more: 1 }), /more/],
    ["a time with an offset", seen(200, { user: { ...user, last_seen: "2026-03-04T05:06:07+01:00" } }), /last_seen/],
    ["another status of success", seen(201, { user }), /its status is 200/],
    ["a success that is not JSON", seen(200, "ok", { type: "text/html" }), /its type is text\/html/],
    ["a body where there is none", seen(304, "{}"), /has a body/],
    ["a route that does not exist", seen(200, {}, { path: "/api/nothing" }), /\(no route\).*no such route/],
    ["a code that is not in the table", seen(400, { ...error, code: "made_up" }), /\/code/],
    ["a code with another status", seen(404, error), /missing_query has the status 400/],
    ["an error without its request", seen(400, { error: "x", code: "missing_query" }), /request_id/],
    [
      "an error with the text of the database",
      seen(500, { ...error, code: "internal_error", error: "relation x" }),
      /text/,
    ],
    ["a text that is not in the table", seen(400, { error: "relation x" }, { method: "POST", path: group }), /text/],
    ["a text where codes are due", seen(400, { error: "Invalid cursor" }), /code/],
    ["an error as HTML", seen(500, "<h1>", { type: "text/html" }), /text\/html/],
  ])("does not pass: %s", (_, check, message) => expect(check).toThrow(message));
});

test("frames are held against their own type, without room for more", () => {
  expect(() => checkFrame({ type: "pong" })).not.toThrow();
  expect(() => checkFrame({ type: "user_status", user_id: 7, is_online: true })).not.toThrow();
  expect(() => checkFrame({ type: "user_status", user_id: 7 })).toThrow(/user_status frame: \/ .*is_online/);
  expect(() => checkFrame({ type: "pong", at: 7 })).toThrow(/pong frame: .*at/);
  expect(() => checkFrame({ type: "error", error: "x", code: "made_up" })).toThrow(/error frame: \/code/);
  expect(() => checkFrame({ type: "made_up" })).toThrow(/no known type/);
});

test("a call rejects when the server leaves out a field", async () => {
  let answer: User = user;
  await using http = await openHttp({
    handlers: {
      me: async () => ({ body: { user: answer }, tag: "x" }),
      searchUsers: () => Promise.reject(new OmError("missing_query")),
    },
  });
  const { call } = http;
  const headers = { authorization: "Bearer good" };
  expect((await call("GET", "/api/users/me", { headers })).status).toBe(200);
  expect((await call("GET", "/api/users/search", { headers })).status).toBe(400);
  answer = withoutEmail as User;
  await expect(call("GET", "/api/users/me", { headers })).rejects.toThrow(/\/user .*email/);
});

test("a socket that gets a frame of another shape fails whoever waits and whoever comes later", async () => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  try {
    server.on("connection", (ws) =>
      ws.on("message", () => {
        ws.send('{"type":"pong"}');
        ws.send('{"type":"user_status","user_id":"7","is_online":true}');
      }),
    );
    await once(server, "listening");
    const faults: unknown[] = [];
    const { socket } = await openTestSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, faults);
    const status = socket.next("user_status");
    socket.send("ping", {});
    await expect(status).rejects.toThrow(/user_status frame: \/user_id must be integer/);
    await expect(socket.settled()).rejects.toThrow(/user_status/);
    expect(faults).toHaveLength(1);
    socket.ws.close();
    await socket.closed;
  } finally {
    server.close();
  }
});
