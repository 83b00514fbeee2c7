import { once } from "node:events";
import { createConnection, createServer, type AddressInfo, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startFaultProxy, type FaultProxy } from "./fault-proxy.ts";

/** What the server behind the proxy has read, of all its connections. */
let heard = "";
let taken: Socket[] = [];
let proxy: FaultProxy;
const server = createServer({ allowHalfOpen: true }, (socket) => {
  taken.push(socket);
  socket.on("error", () => undefined);
  socket.on("data", (chunk) => {
    heard += chunk.toString();
    socket.write(chunk.toString().toUpperCase());
  });
  socket.on("end", () => socket.end("bye"));
});

beforeEach(async () => {
  heard = "";
  taken = [];
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  proxy = await startFaultProxy((server.address() as AddressInfo).port);
});
afterEach(async () => {
  await proxy[Symbol.asyncDispose]();
  for (const socket of taken) socket.destroy();
  server.close();
});

interface Client {
  socket: Socket;
  /** What it has read so far. */
  text(): string;
  /** Resolves when it has read that much. */
  until(text: string): Promise<void>;
  /** Resolves with the error code, or "closed", when the connection has ended. */
  ended: Promise<string>;
}

function dial(): Client {
  const socket = createConnection({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true });
  let text = "";
  let code = "closed";
  socket.on("data", (chunk) => (text += chunk.toString()));
  socket.on("error", (error: NodeJS.ErrnoException) => (code = error.code ?? "?"));
  socket.on("end", () => socket.end());
  return {
    socket,
    text: () => text,
    async until(wanted) {
      while (text !== wanted) await once(socket, "data");
    },
    ended: new Promise((resolve) => socket.on("close", () => resolve(code))),
  };
}

/** A connection through which one word has gone and come back. */
async function dialled(): Promise<Client> {
  const client = dial();
  client.socket.write("hi ");
  await client.until("HI ");
  return client;
}

test("pass carries both ways, with orderly ends, and counts", async () => {
  const client = await dialled();
  expect(proxy.counts()).toEqual({ accepted: 1, open: 1, carried: 6, swallowed: 0 });
  client.socket.end("last");
  expect(await client.ended).toBe("closed");
  expect(client.text()).toBe("HI LASTbye");
  await expect.poll(() => proxy.counts().open).toBe(0);
});

test("much data comes through whole while one side reads slowly", async () => {
  const client = dial();
  client.socket.pause();
  const block = "x".repeat(65_536);
  for (let i = 0; i < 200; i++) client.socket.write(block);
  client.socket.end();
  client.socket.resume();
  expect(await client.ended).toBe("closed");
  expect(client.text()).toBe(`${"X".repeat(200 * 65_536)}bye`);
});

test("refuse resets old and new connections until it passes again", async () => {
  const old = await dialled();
  proxy.mode("refuse");
  expect(await old.ended).toBe("ECONNRESET");
  expect(await dial().ended).toBe("ECONNRESET");
  proxy.mode("pass");
  await dialled();
});

test("reset ends what there is, once", async () => {
  const old = await dialled();
  proxy.mode("reset");
  expect(await old.ended).toBe("ECONNRESET");
  await dialled();
});

test("blackhole accepts and swallows; a connection that lost bytes stays silent, new ones are whole", async () => {
  const old = await dialled();
  const idle = await dialled();
  proxy.mode("blackhole");
  const late = dial();
  old.socket.write("lost");
  late.socket.write("lost");
  await expect.poll(() => proxy.counts().swallowed).toBe(8);
  proxy.mode("pass");
  old.socket.write("too");
  late.socket.write("too");
  idle.socket.write("fine");
  await idle.until("HI FINE");
  await expect.poll(() => proxy.counts().swallowed).toBe(14);
  expect([old.text(), late.text(), heard]).toEqual(["HI ", "", "hi hi fine"]);
});

test("blackhole does not tell the client that the server has gone", async () => {
  const client = await dialled();
  proxy.mode("blackhole");
  taken[0]?.resetAndDestroy();
  client.socket.write("anybody?");
  await expect.poll(() => proxy.counts().swallowed).toBe(8);
  expect(client.socket.readyState).toBe("open");
});

test("drop swallows what the client says and carries what the server says", async () => {
  const client = await dialled();
  proxy.mode("drop");
  client.socket.write("lost");
  await expect.poll(() => proxy.counts().swallowed).toBe(4);
  taken[0]?.write("news");
  await client.until("HI news");
  expect(heard).toBe("hi ");
});

test("delay is late each way and keeps the order, also when it ends", async () => {
  const client = await dialled();
  proxy.mode({ delay: 25 });
  const started = performance.now();
  client.socket.write("a");
  await client.until("HI A");
  expect(performance.now() - started).toBeGreaterThanOrEqual(49);
  proxy.mode({ delay: 3_600_000 });
  client.socket.write("b");
  await expect.poll(() => client.socket.writableLength).toBe(0);
  proxy.mode("pass");
  client.socket.write("c");
  await client.until("HI ABC");
});

test("what was said before a client went away still arrives late", async () => {
  const client = await dialled();
  proxy.mode({ delay: 30 });
  await new Promise((written) => client.socket.write("last words", written));
  client.socket.destroy();
  await expect.poll(() => heard).toBe("hi last words");
});

test.each([0, 2, 4])("cut lets %i bytes of the next answer through, and then passes", async (bytes) => {
  const client = await dialled();
  const other = await dialled();
  proxy.mode({ cut: bytes });
  client.socket.write("answer");
  await client.ended;
  expect(client.text()).toBe(`HI ${"ANSWER".slice(0, bytes)}`);
  expect(heard).toBe("hi hi answer");
  other.socket.write("go");
  await other.until("HI GO");
  await dialled();
});

test("aimed elsewhere, new connections go there and old ones stay", async () => {
  const old = await dialled();
  const other = createServer((socket) => socket.end("elsewhere")).listen(0, "127.0.0.1");
  await once(other, "listening");
  proxy.aim((other.address() as AddressInfo).port);
  const late = dial();
  expect(await late.ended).toBe("closed");
  expect(late.text()).toBe("elsewhere");
  old.socket.write("still here");
  await old.until("HI STILL HERE");
  other.close();
});

test("disposing ends the connections", async () => {
  const client = await dialled();
  const closed = startFaultProxy(proxy.port);
  await (await closed)[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
  await client.ended;
  proxy = await startFaultProxy(proxy.port);
});
