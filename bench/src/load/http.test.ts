import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { httpLoad, type Target } from "./http.ts";

const body = Buffer.from("what it must be");
const head = (length: number, status = "200 OK"): string => `HTTP/1.1 ${status}\r\nContent-Length: ${length}\r\n\r\n`;

/** Asks a server that does `answer` with each request, the n-th of a connection. */
async function load(answer: (socket: Socket, n: number) => void, target: Partial<Target> = { body }) {
  const server = createServer((socket) => {
    let n = 0;
    socket.on("error", () => undefined).on("data", () => answer(socket, n++));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  try {
    return await httpLoad({ url, token: "t", pid: process.pid, ...target }, { seconds: 0.05, connections: 3 });
  } finally {
    server.close();
  }
}

test("answers are counted, however they are cut", async () => {
  let answered = 0;
  const { rate } = await load((socket, n) => {
    answered += 1;
    const all = Buffer.concat([Buffer.from(head(body.length)), body]);
    const at = n % all.length;
    socket.write(all.subarray(0, at));
    setImmediate(() => socket.write(all.subarray(at)));
  });
  expect(answered).toBeGreaterThan(3);
  expect(rate).toBeGreaterThan(0);
});

test.each([
  ["other bytes", /other bytes/, (socket: Socket) => socket.write(`${head(body.length)}What it must be`)],
  [
    "other bytes later",
    /other bytes/,
    (socket: Socket, n: number) => socket.write(`${head(body.length)}${n < 2 ? body.toString() : "what it must bE"}`),
  ],
  ["fewer bytes", /other bytes/, (socket: Socket) => socket.write(`${head(4)}what`)],
  [
    "more bytes than it says",
    /16 bytes instead of 15/,
    (socket: Socket) => socket.write(`${head(body.length)}${body.toString()}!`),
  ],
  ["another status", /503 Later/, (socket: Socket) => socket.write(head(0, "503 Later"))],
  ["no length", /without Content-Length/, (socket: Socket) => socket.write("HTTP/1.1 200 OK\r\n\r\n")],
  ["nothing more", /the connection ended/, (socket: Socket) => socket.end()],
])("%s end the measurement", async (_what, message, answer) => {
  await expect(load(answer)).rejects.toThrow(message);
});

test("an answer that differs is given to the check, whole", async () => {
  const checked: string[] = [];
  const check = (other: Buffer): void => void checked.push(other.toString());
  await load((socket, n) => socket.write(`${head(body.length + (n % 2))}${body.toString()}${n % 2 === 0 ? "" : "?"}`), {
    body,
    check,
  });
  expect(new Set(checked)).toEqual(new Set(["what it must be?"]));
});
