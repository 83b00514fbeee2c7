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

/** Loaded before the server: ends its worker threads on SIGUSR2, as a crash of the embedded database would. */
const killWorkers = `
  import threads from "node:worker_threads";
  import { syncBuiltinESMExports } from "node:module";
  const made = [];
  threads.Worker = class extends threads.Worker {
    constructor(...given) {
      super(...given);
      made.push(this);
    }
  };
  syncBuiltinESMExports();
  process.on("SIGUSR2", () => made.forEach((worker) => worker.terminate()));`;

test("when the embedded database dies the process says so and ends with 1, and the next start works", async () => {
  const preload = `--import=data:text/javascript,${encodeURIComponent(killWorkers)}`;
  await using server = await startOmServer({ LOG_LEVEL: "silent", NODE_OPTIONS: preload });
  const gone = server.gone();
  process.kill(server.pid, "SIGUSR2");
  expect(await gone).toBe(1);
  expect(server.output()).toContain("OM Messenger has to stop: the embedded database has ended (worker ended with 1)");
  await server.start();
  expect((await fetch(`${server.url}/ready`)).status).toBe(200);
});
