import { once } from "node:events";
import { Agent, request as send, type IncomingMessage } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { sharedDatabase, startOmServer, type OmServer } from "@om/services";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { openTestSocket, startChatServer, type TestSocket } from "./fixtures/chat-server.ts";

test("a second signal does not break the stop: what was begun is answered, and the process ends with 0", async () => {
  await using server = await startOmServer({ LOG_LEVEL: "silent" });
  const body = JSON.stringify({ username: "nika", email: "nika@example.org", password: "password of nika" });
  const headers = {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    expect: "100-continue",
  };
  const agent = new Agent({ keepAlive: true });
  const outgoing = send(`${server.url}/api/auth/register`, { method: "POST", headers, agent });
  outgoing.flushHeaders();
  // The request is under way: its body is asked for.
  await once(outgoing, "continue");
  process.kill(server.pid, "SIGTERM");
  await delay(10);
  const stopped = server.stop();
  const answered = once(outgoing, "response") as Promise<[IncomingMessage]>;
  outgoing.end(body);
  const [answer] = await answered;
  answer.resume();
  expect(answer.statusCode).toBe(201);
  expect(await stopped).toBe(0);
  expect(server.output().match(/SIGTERM: finishing/g)).toHaveLength(1);
  expect(server.output()).not.toContain("has to stop");
  agent.destroy();
});

/** Somebody with sockets at a server of its own process. */
async function connected(server: OmServer, count: number): Promise<{ address: string; sockets: TestSocket[] }> {
  const body = JSON.stringify({ username: "nika", email: "nika@example.org", password: "password of nika" });
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${server.url}/api/auth/register`, { method: "POST", headers, body });
  const { access_token: token } = (await answer.json()) as { access_token: string };
  const address = `${server.url.replace("http", "ws")}/ws?token=${token}`;
  const opened = await Promise.all(Array.from({ length: count }, () => openTestSocket(address, [])));
  await Promise.all(opened.map(({ caughtUp }) => caughtUp));
  return { address, sockets: opened.map(({ socket }) => socket) };
}

const ready = async (server: OmServer): Promise<unknown[]> => {
  const answer = await fetch(`${server.url}/ready`);
  return [answer.status, ((await answer.json()) as { status: string }).status, answer.headers.get("connection")];
};

test("SIGTERM is told at /ready first, while all goes on; Ctrl-C ends the waiting", async () => {
  await using server = await startOmServer({
    DATABASE_URL: sharedDatabase(),
    LOG_LEVEL: "silent",
    DRAIN_SECONDS: "300",
  });
  const { address, sockets } = await connected(server, 2);
  expect(await ready(server)).toEqual([200, "ok", "keep-alive"]);
  process.kill(server.pid, "SIGTERM");
  await expect.poll(() => ready(server)).toEqual([503, "stopping", "close"]);
  expect((await fetch(`${server.url}/health`)).status).toBe(200);
  const { caughtUp, socket: late } = await openTestSocket(address, []);
  await caughtUp;
  for (const socket of [...sockets, late]) await socket.settled();
  process.kill(server.pid, "SIGINT");
  expect(await server.gone()).toBe(0);
  for (const socket of [...sockets, late]) expect(await socket.closed).toMatchObject({ code: 1012 });
});

test("then sockets are sent away one after the other, new ones are refused, and what is under way is finished", async () => {
  await using server = await startOmServer({ DATABASE_URL: sharedDatabase(), LOG_LEVEL: "silent", DRAIN_SECONDS: "4" });
  const { address, sockets } = await connected(server, 4);
  const stopped = server.stop();
  const first = await Promise.race(sockets.map((socket) => socket.closed.then(() => socket)));
  const others = sockets.filter((socket) => socket !== first);
  const refused = new WebSocket(address);
  const [, answer] = (await once(refused, "unexpected-response")) as [unknown, IncomingMessage];
  expect([answer.statusCode, answer.headers["retry-after"]]).toEqual([503, "1"]);
  expect(others.filter(({ ws }) => ws.readyState === ws.OPEN).length).toBeGreaterThan(0);
  others.at(-1)?.send("chat", { client_id: "last", recipient_id: 1, content: "to myself" });
  expect(await others.at(-1)?.next("ack")).toMatchObject({ client_id: "last" });
  for (const socket of sockets) expect(await socket.closed).toMatchObject({ code: 1012 });
  expect(await stopped).toBe(0);
});

test("what a client has proven to have in the last moment is known after a stop", async () => {
  const env = { DATABASE_URL: sharedDatabase() };
  await using first = await startChatServer(env);
  const [ada, ben] = [await first.register("ada"), await first.register("ben")];
  expect(await first.post("/api/messages", ada, { recipient_id: ben.id, content: "hi" })).toMatchObject({
    status: 201,
  });
  const device = await first.open(ben, "");
  // The pong to the ping behind the message has been handled.
  await device.settled();
  await first.stop();
  await using second = await startChatServer(env);
  const again = await second.open(ben, "");
  expect(device.frames.map(({ type }) => type)).toEqual(["message"]);
  expect(again.frames).toEqual([]);
});
