import { once } from "node:events";
import { Agent, request as send, type IncomingMessage } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { sharedDatabase, startOmServer } from "@om/services";
import { expect, test } from "vitest";
import { startChatServer } from "./fixtures/chat-server.ts";

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
