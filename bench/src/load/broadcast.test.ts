import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { WebSocketServer, type WebSocket } from "ws";
import { within } from "../deadline.ts";
import { frames } from "../scenarios/group.ts";
import { broadcast, openAudience } from "./broadcast.ts";

let server: WebSocketServer;
/** What the server does with a frame of the sender. */
let deliver: (to: WebSocket[], data: Buffer) => void;
const load = { seconds: 0.05, window: 4, pid: process.pid };

beforeEach(async () => {
  server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  server.on("connection", (from) =>
    from.on("message", (data: Buffer) => {
      deliver(
        [...server.clients].filter((other) => other !== from),
        data,
      );
    }),
  );
});
afterEach(() => server.close());

async function run(sockets: number) {
  const { port } = server.address() as AddressInfo;
  using audience = await openAudience(Array.from({ length: sockets }, () => `ws://127.0.0.1:${port}`));
  return await broadcast(audience, load, frames(100));
}

test("every receiver gets every frame, and that is what is counted", async () => {
  let deliveries = 0;
  deliver = (to, data) => {
    deliveries += to.length;
    for (const socket of to) socket.send(data, { binary: false });
  };
  const measured = await run(150);
  expect(measured.bytes).toBe(100);
  expect(deliveries % 149).toBe(0);
  expect(deliveries).toBeGreaterThan(0);
  expect(measured.rate).toBeGreaterThan(0);
});

test.each([
  ["closes a socket", /closed with 4002; 0 of 4 frames/, (to: WebSocket[]) => to[1]?.close(4002)],
  ["sends something else", /got another frame 0: other/, (to: WebSocket[]) => to[1]?.send("other")],
  [
    "sends a frame twice",
    /got another frame 1: #0 /,
    (to: WebSocket[], data: Buffer) => [...to, ...to].forEach((socket) => socket.send(data, { binary: false })),
  ],
])("a server that %s ends the measurement at once", async (_what, message, wrong) => {
  deliver = wrong;
  await expect(run(3)).rejects.toThrow(message);
});

test("what is late is told with how far it came, what is in time is passed on", async () => {
  await expect(within(1, () => "3 of 4 are here", new Promise(() => undefined))).rejects.toThrow(
    "gave up after 0.001 s: 3 of 4 are here",
  );
  expect(await within(60_000, "nothing came", Promise.resolve(7))).toBe(7);
  await expect(within(60_000, "nothing came", Promise.reject(new Error("its own")))).rejects.toThrow("its own");
});
