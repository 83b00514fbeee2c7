import { once } from "node:events";
import { Agent, request as send, type IncomingMessage } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { startOmServer } from "@om/services";
import { expect, test } from "vitest";

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
