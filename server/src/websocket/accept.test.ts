import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { Duplex } from "node:stream";
import { afterEach, expect, test, vi } from "vitest";
import { TooMany } from "../platform/rate-limit.ts";
import { acceptUpgrades, type AcceptOptions } from "./accept.ts";

afterEach(() => void vi.useRealTimers());

function refusingServer(options: Partial<AcceptOptions> = {}): Server {
  const server = createServer();
  acceptUpgrades(server, {
    isAllowed: () => true,
    verify: async () => undefined,
    admit: async () => undefined,
    throttle: async () => undefined,
    useTicket: () => undefined,
    hasCapacity: () => true,
    open: () => undefined,
    onRefused: () => undefined,
    ...options,
  });
  return server;
}

const upgrade =
  "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

test(
  "a refused client that keeps its half of the connection open does not keep the server",
  { timeout: 10_000 },
  async () => {
    const server = refusingServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const client = connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", allowHalfOpen: true });
    client.on("error", () => undefined);
    let answer = "";
    client.setEncoding("utf8").on("data", (text: string) => (answer += text));
    client.write(upgrade);
    await once(client, "end");
    expect(answer).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n[^]*"code":"missing_access_token"/);
    const closed = once(server, "close");
    server.close();
    await closed;
    expect(client.writable).toBe(true);
    client.destroy();
  },
);

test("one that does not even read the answer is cut off", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const server = refusingServer();
  const written = new Promise<Duplex>((resolve) => {
    const raw = new Duplex({ read: () => undefined, write: () => resolve(raw) });
    server.emit("upgrade", { url: "/ws", headers: {} } as IncomingMessage, raw, Buffer.alloc(0));
  });
  const raw = await written;
  vi.advanceTimersByTime(1_999);
  expect(raw.destroyed).toBe(false);
  vi.advanceTimersByTime(1);
  expect(raw.destroyed).toBe(true);
  await once(raw, "close");
  expect(vi.getTimerCount()).toBe(0);
});

/** What an upgrade request is answered. */
function answerTo(query: string, options: Partial<AcceptOptions>): Promise<string> {
  const server = refusingServer(options);
  return new Promise((resolve) => {
    const write = (chunk: Buffer): void => resolve(chunk.toString());
    const raw = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => (write(chunk), done()),
    });
    const [, ...lines] = upgrade.trim().split("\r\n");
    const headers = Object.fromEntries(lines.map((line) => [line.split(": ")[0]?.toLowerCase(), line.split(": ")[1]]));
    const request = { method: "GET", url: `/ws?${query}`, headers } as unknown as IncomingMessage;
    server.emit("upgrade", request, raw, Buffer.alloc(0));
  });
}

test("a server that is full, stops, or is asked by too many refuses before a ticket is used up: a proxy may ask another one", async () => {
  const used: string[] = [];
  const useTicket: AcceptOptions["useTicket"] = (ticket) => async () => void used.push(ticket);
  const isFull = { hasCapacity: () => false, useTicket };
  expect(await answerTo("ticket=x", isFull)).toMatch(/^HTTP\/1\.1 503 [^]*\r\nRetry-After: 1\r\n/);
  const isBusy = { admit: () => Promise.reject(new TooMany("unavailable", 4)), useTicket };
  expect(await answerTo("ticket=x", isBusy)).toMatch(/^HTTP\/1\.1 503 [^]*\r\nRetry-After: 4\r\n/);
  expect(used).toEqual([]);
  expect(await answerTo("ticket=x", { useTicket })).toMatch(/^HTTP\/1\.1 401 [^]*"code":"invalid_access_token"/);
  expect(used).toEqual(["x"]);
});

test("A5: a user who opens sockets without end is told when to come back", async () => {
  const answered = answerTo("token=good", {
    verify: async () => ({ userId: 7, email: "", role: "user" }),
    throttle: () => Promise.reject(new TooMany("rate_limited", 7)),
  });
  expect(await answered).toMatch(
    /^HTTP\/1\.1 429 Too Many Requests\r\n[^]*\r\nRetry-After: 7\r\n[^]*"code":"rate_limited"/,
  );
});
