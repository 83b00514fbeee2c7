import { once } from "node:events";
import { Agent, request as send, type IncomingMessage } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { fastify, type FastifyInstance } from "fastify";
import { expect, test } from "vitest";
import { deferred } from "../platform/deferred.ts";
import { openHttp } from "../../tests/fixtures/http-server.ts";
import { closeConnections } from "./close-connections.ts";

async function listening(app: FastifyInstance): Promise<number> {
  await app.listen({ host: "127.0.0.1", port: 0 });
  return (app.server.address() as AddressInfo).port;
}

async function get(port: number, path: string, agent: Agent): Promise<{ answer: IncomingMessage; text: string }> {
  const [answer] = (await once(send({ host: "127.0.0.1", port, path, agent }).end(), "response")) as [IncomingMessage];
  let text = "";
  answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  await once(answer, "end");
  return { answer, text };
}

/** Resolves when nothing listens on the port any more. */
async function refused(port: number): Promise<void> {
  for (;;) {
    const probe = connect(port, "127.0.0.1");
    const accepted = await once(probe, "connect").then(
      () => true,
      () => false,
    );
    probe.destroy();
    if (!accepted) return;
  }
}

const soon = { timeout: 15_000 };

test(
  "a stop waits for the request under way on a kept connection, and for nothing after its answer",
  soon,
  async () => {
    const [begun, finish] = [deferred(), deferred()];
    const http = await openHttp({
      handlers: {
        checkUsername: async () => {
          begun.resolve();
          await finish.promise;
          return { available: true };
        },
      },
    });
    const agent = new Agent({ keepAlive: true });
    const asked = get(http.port, "/api/users/check-username?username=nika", agent);
    await begun.promise;
    const stopped = http[Symbol.asyncDispose]();
    await refused(http.port);
    finish.resolve();
    expect(JSON.parse((await asked).text)).toEqual({ available: true });
    await stopped;
    agent.destroy();
  },
);

test("an answer given while the server stops is the last one of its connection", soon, async () => {
  const [begun, stopping] = [deferred(), deferred()];
  const app = fastify({ forceCloseConnections: "idle" });
  closeConnections(app, () => false);
  app.addHook("preClose", async () => stopping.resolve());
  app.get("/slow", async () => {
    begun.resolve();
    await stopping.promise;
    return "done";
  });
  app.get("/quick", async () => "done");
  const port = await listening(app);
  const agent = new Agent({ keepAlive: true });
  expect((await get(port, "/quick", agent)).answer.headers.connection).toBe("keep-alive");
  const slow = get(port, "/slow", agent);
  await begun.promise;
  const stopped = app.close();
  expect((await slow).answer.headers.connection).toBe("close");
  await stopped;
  agent.destroy();
});

test(
  "a connection whose answer had begun before the stop is closed when that is done, though it could be kept",
  soon,
  async () => {
    const [begun, finish] = [deferred(), deferred()];
    const app = fastify({ forceCloseConnections: "idle" });
    closeConnections(app, () => false, 60_000);
    // The head has left, so it cannot say that it is the last.
    app.get("/slow", (_request, reply) => {
      reply.hijack();
      reply.raw.write("half ");
      begun.resolve();
      void finish.promise.then(() => reply.raw.end("whole"));
    });
    const port = await listening(app);
    const agent = new Agent({ keepAlive: true });
    const slow = get(port, "/slow", agent);
    await begun.promise;
    const stopped = app.close();
    await refused(port);
    finish.resolve();
    expect((await slow).text).toBe("half whole");
    await stopped;
    agent.destroy();
  },
);

test("a client that never finishes its request is cut off", soon, async () => {
  const app = fastify({ forceCloseConnections: "idle" });
  closeConnections(app, () => false, 20);
  app.post("/", async () => "done");
  const port = await listening(app);
  const client = connect({ port, host: "127.0.0.1" });
  client.on("error", () => undefined);
  client.write(
    "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n",
  );
  await once(client, "data");
  const gone = once(client, "close");
  await app.close();
  await gone;
});
