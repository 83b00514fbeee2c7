import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openHttp, type TestHttp } from "../../tests/fixtures/http-server.ts";
import { boundary } from "../../tests/fixtures/multipart.ts";
import { jsonText } from "../platform/json-text.ts";
import { createTransfers, transferLimits } from "./transfers.ts";

describe("how slow a transfer may be", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] }));
  afterEach(() => void vi.useRealTimers());

  /** What moves so many bytes in each second is ended after so many seconds; undefined: it goes on for ten minutes. */
  function endOf(start: (transfers: ReturnType<typeof createTransfers>, end: () => void) => void, each: () => void) {
    const transfers = createTransfers();
    let ended: number | undefined;
    let second = 0;
    start(transfers, () => (ended ??= second));
    for (; second < 600 && ended === undefined; second += 1) {
      vi.advanceTimersByTime(1_000);
      each();
    }
    transfers.stop();
    return ended;
  }
  const receiving = (bytesOfSecond: (second: number) => number) => {
    const socket = { bytesRead: 0 };
    let second = 0;
    return endOf(
      (transfers, end) => void transfers.receiving({ socket } as IncomingMessage, end),
      () => (socket.bytesRead += bytesOfSecond(second++)),
    );
  };

  test("a body over an honest slow line goes on, one that drips is ended within 40 s", () => {
    expect(receiving(() => 60 * 1024)).toBeUndefined();
    // Also one that stands still again and again.
    expect(receiving((second) => (second % 25 === 0 ? 1_500_000 : 0))).toBeUndefined();
    expect(receiving(() => 1)).toBeLessThan(40);
    expect(receiving(() => 4 * 1024)).toBeLessThan(60);
  });

  test("a body that has come fast has no credit to drip with", () => {
    expect(receiving((second) => (second < 10 ? 10_000_000 : 1))).toBeLessThan(50);
  });

  test("what is left of an answered body is dropped up to a bound", () => {
    const dropping = (bytes: number) => {
      const socket = { bytesRead: 0, destroy: (): void => undefined };
      return endOf(
        (transfers, end) => {
          socket.destroy = end;
          transfers.dropping({ socket, once: () => undefined } as unknown as IncomingMessage);
        },
        () => (socket.bytesRead += bytes),
      );
    };
    expect(dropping(0)).toBeLessThan(40);
    expect(dropping(60 * 1024)).toBeUndefined();
    expect(dropping(10_000_000)).toBeLessThan(15);
  });

  test("an answer in one piece has the time that its size takes", () => {
    const sending = (bytes: number) =>
      endOf(
        (transfers, end) => {
          const socket = { bytesRead: 0, bytesWritten: 0, destroy: end };
          transfers.sending({ req: { socket }, once: () => undefined } as unknown as ServerResponse, "7", {
            bytes,
            streamed: false,
          });
        },
        () => undefined,
      );
    const [small = 0, large = 0] = [sending(65_537), sending(1024 * 1024)];
    expect([small > 30, small < 45, large > 90, large < 105]).toEqual([true, true, true, true]);
  });
});

/** Seen within the time of a test. */
const quick = { ...transferLimits, patienceMs: 100, checkEveryMs: 20 };
let http: TestHttp | undefined;
afterEach(() => http?.[Symbol.asyncDispose]());

async function open(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}
const post = (path: string, length: number, type = "application/json") =>
  `POST ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer good\r\ncontent-type: ${type}\r\ncontent-length: ${length}\r\n\r\n`;

test.each([
  ["JSON", post("/api/messages", 100_000), '{"content":'],
  [
    "an upload",
    post("/api/media/attachments", 1_000_000, `multipart/form-data; boundary=${boundary}`),
    `--${boundary}\r\ncontent-disposition: form-data; name="attachment"; filename="a"\r\n\r\nx`,
  ],
])("%s that drips in is answered 408, and its connection ends", async (_what, head, begin) => {
  http = await openHttp({
    transferLimits: quick,
    handlers: {
      uploadAttachment: async ({ receive }) => {
        await receive(async (file) => void (await file.toArray()));
        return { url: "", metadata: "kept" };
      },
    },
  });
  const socket = await open(http.port);
  let text = "";
  socket.on("data", (data) => (text += data.toString()));
  socket.write(head + begin);
  const drip = setInterval(() => socket.write("x"), 20);
  await new Promise((resolve) => socket.once("close", resolve));
  clearInterval(drip);
  expect(text).toMatch(/^HTTP\/1\.1 408 [^]*"code":"request_too_slow"/);
});

test("an answer that nobody takes is given up", async () => {
  const answer = JSON.stringify("x".repeat(30_000_000));
  http = await openHttp({
    transferLimits: { ...quick, bytesPerMs: 1e9 },
    handlers: { groups: async () => jsonText(answer) },
  });
  const socket = await open(http.port);
  socket.write("GET /api/groups HTTP/1.1\r\nhost: x\r\nauthorization: Bearer good\r\n\r\n");
  await once(socket, "readable");
  const gone = once(socket, "close");
  await expect
    .poll(() => new Promise((resolve) => http?.server.getConnections((_error, count) => resolve(count))))
    .toBe(0);
  socket.resume();
  await gone;
});

test("whoever leaves large answers unread is told to wait, until they are taken", async () => {
  const answer = JSON.stringify("x".repeat(30_000_000));
  http = await openHttp({ echo: true, handlers: { groups: async () => jsonText(answer) } });
  const ask = "GET /api/groups HTTP/1.1\r\nhost: x\r\nauthorization: Bearer good\r\nconnection: close\r\n\r\n";
  const deaf = await open(http.port);
  deaf.write(ask);
  await once(deaf, "readable");
  const again = () => http?.call("GET", "/api/groups", { headers: { authorization: "Bearer good" } });
  const refused = await again();
  expect([refused?.status, refused?.json()["code"], refused?.headers["retry-after"]]).toEqual([
    503,
    "unavailable",
    "1",
  ]);
  deaf.resume();
  await once(deaf, "close");
  await expect.poll(async () => (await again())?.status).toBe(200);
});
