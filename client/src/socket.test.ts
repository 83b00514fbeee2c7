import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { openSocket } from "./socket.ts";

test("a line on which the server sends and does not read is closed; one that it answers late stays", async () => {
  using server = listening();
  await once(server.sockets, "listening");
  let [pings, answered] = [0, 0];
  server.sockets.on("connection", (socket) => {
    const push = setInterval(() => socket.send('{"type":"typing"}'), 1);
    socket.once("close", () => clearInterval(push));
    socket.on("message", () => {
      pings += 1;
      if (pings % 2 !== 0 || answered === 3) return;
      socket.send('{"type":"pong"}');
      answered += 1;
    });
  });
  const { port } = server.sockets.address() as AddressInfo;
  const code = await new Promise<number>((resolve, reject) => {
    const options = { openTimeoutMs: 10_000, pingEveryMs: 30, pongTimeoutMs: 10_000, onPing: () => undefined };
    const { signal } = new AbortController();
    const url = `ws://127.0.0.1:${port}`;
    openSocket({ ...options, url, signal, onFrame: () => undefined, onClose: resolve }).catch(reject);
  });
  expect([code, answered]).toEqual([1006, 3]);
});

function listening() {
  const sockets = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  return { sockets, [Symbol.dispose]: () => sockets.close() };
}
