import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { errorIn, leakIn, wrongStatus } from "./judge.ts";
import { sendBatch } from "./run.ts";
import { send } from "./send.ts";

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** What the fuzzer finds in a server that does this. */
async function findIn(listener: RequestListener): ReturnType<typeof sendBatch> {
  server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const target = { port, token: () => "token", secrets: () => ["the secret"] };
  return sendBatch({ kind: "http", seed: 1, runs: 200 }, (input) => send(input, target));
}

test("a 500 is found, with the smallest input that makes it", async () => {
  const found = await findIn(({ method }, response) => response.writeHead(method === "DELETE" ? 500 : 200).end("fine"));
  expect(found).toMatchObject({ words: expect.stringContaining("answered with 500"), seed: 1, kind: "http" });
  expect(found?.input).toMatchObject({ method: "DELETE", headers: [], sent: 1 });
});

test.each<[string, RequestListener, string]>([
  ["a stack trace", (_, response) => response.end(new Error("x").stack), "a stack trace"],
  ["a secret", (_, response) => response.end("here is the secret"), "the secret"],
  ["no answer", ({ socket }) => socket.destroy(), "closed without an answer"],
])("%s is found", async (_, listener, words) => {
  expect((await findIn(listener))?.words).toContain(words);
});

test("a server that answers well is not blamed", async () => {
  expect(await findIn((_, response) => response.writeHead(503).end('{"error":"unavailable"}'))).toBeUndefined();
});

test("a HEAD may be refused with 500: of a failure the log tells", () => {
  const head = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 114\r\nConnection: close\r\n\r\n";
  expect(wrongStatus(500, head)).toBeUndefined();
  expect(wrongStatus(500, `${head}{}\r\n\r\n`)).toBe("answered with 500");
  expect(wrongStatus(500, head.replace("114", "0"))).toBe("answered with 500");
});

test("what a log may not hold is found in it", () => {
  expect(errorIn('{"level":50,"msg":"request failed"}')).toContain("request failed");
  expect(errorIn('{"level":"error","msg":"request failed"}')).toContain("request failed");
  expect(errorIn('{"level":"warn","msg":"slow","code":50}')).toBeUndefined();
  expect(leakIn('{"msg":"cannot reach postgres://om:pw@db/om"}', [])).toContain("password");
  expect(leakIn('{"msg":"listening on http://127.0.0.1:1"}', ["the secret"])).toBeUndefined();
  expect(leakIn('{"content":"meet at noon","created_at":"2026-11-29T03:17:51Z"}', [])).toBeUndefined();
});
