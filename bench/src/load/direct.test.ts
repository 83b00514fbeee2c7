import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { WebSocketServer, type WebSocket } from "ws";
import { openDirect } from "./direct.ts";

type Answer = (text: string, sender: WebSocket, recipient: WebSocket | undefined) => void;
let server: WebSocketServer;
let answer: Answer;

/** What a server does that is right. */
const deliver: Answer = (text, sender, recipient) => {
  sender.send(text.replace('"chat"', '"ack"'));
  recipient?.send(text.replace('"chat"', '"message"'));
};

beforeEach(async () => {
  server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const recipients = new Map<string, WebSocket>();
  server.on("connection", (socket, { url = "" }) => {
    if (url.startsWith("/to")) recipients.set(url.slice(3), socket);
    socket.on("message", (data: Buffer) => answer(data.toString(), socket, recipients.get(url.slice(5))));
  });
});
afterEach(() => server.close());

async function send(pace: { window: number } | { perSecond: number }) {
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const routes = [1, 2].map((recipientId) => ({
    from: `${url}/from${recipientId}`,
    to: `${url}/to${recipientId}`,
    recipientId,
  }));
  using direct = await openDirect(routes, process.pid);
  return await direct.send({ seconds: 0.05, ...pace });
}

test.each([{ window: 4 }, { perSecond: 400 }])("what is acknowledged and delivered is counted: %j", async (pace) => {
  let sent = 0;
  answer = (...all) => {
    sent += 1;
    deliver(...all);
  };
  const { rate, p50, p99, ackBytes } = await send(pace);
  expect(sent).toBeGreaterThan(4);
  expect(rate).toBeGreaterThan(0);
  expect(p99).toBeGreaterThanOrEqual(p50);
  expect(ackBytes).toBeGreaterThan(100);
  if ("perSecond" in pace) expect(sent).toBe(20);
});

test.each<[string, RegExp, Answer]>([
  [
    "acknowledges twice",
    /an ack of nothing that waits/,
    (text, sender, to) => {
      sender.send(text.replace('"chat"', '"ack"'));
      deliver(text, sender, to);
    },
  ],
  [
    "delivers twice",
    /was to come, not/,
    (text, sender, to) => {
      deliver(text, sender, to);
      to?.send(text.replace('"chat"', '"message"'));
    },
  ],
  [
    "changes the text",
    /message 0 was to come, not/,
    (text, ...both) => deliver(text.replace("ordinary", "Ordinary"), ...both),
  ],
  [
    "skips one",
    /message \d was to come, not/,
    (text, sender, to) => deliver(text, sender, text.includes('"message 0 of') ? undefined : to),
  ],
  ["refuses", /"type":"error"/, (_text, sender) => sender.send('{"type":"error"}')],
  ["closes", /closed with 4002/, (_text, sender) => sender.close(4002)],
])("a server that %s ends the measurement", async (_what, message, wrong) => {
  answer = wrong;
  await expect(send({ window: 2 })).rejects.toThrow(message);
});
