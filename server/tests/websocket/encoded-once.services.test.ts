import { syncBuiltinESMExports } from "node:module";
import zlib from "node:zlib";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { startChatServer, type ChatServer, type TestSocket, type TestUser } from "../fixtures/chat-server.ts";

const messages = 5;
const kinds = ["", "&gzip=1", "&resume=1", "&resume=1&gzip=1"];

let server: ChatServer;
let admin: TestUser;
let others: TestUser[];
let group: number;
beforeAll(async () => {
  server = await startChatServer();
  admin = await server.register("founder");
  others = await Promise.all(Array.from({ length: 12 }, (_, i) => server.register(`member${i}`)));
  group = Number((await server.post("/api/groups", admin, { name: "Everybody" })).body["id"]);
  for (const { id } of others) await server.post(`/api/groups/${group}/members`, admin, { user_id: id });
});
afterAll(() => server[Symbol.asyncDispose]());
afterEach(() => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
});

/** Counts `message` frames that the process makes of objects, and those that it turns into bytes. */
function countEncodings(): { made: string[]; encoded: string[] } {
  const counted = { made: [] as string[], encoded: [] as string[] };
  const note = (list: string[], text: unknown): void => {
    if (typeof text === "string" && text.startsWith('{"type":"message"')) list.push(text);
  };
  const { stringify } = JSON;
  vi.spyOn(JSON, "stringify").mockImplementation((value: unknown, ...more: unknown[]) => {
    const text = Reflect.apply(stringify, JSON, [value, ...more]) as string;
    note(counted.made, text);
    return text;
  });
  const { from } = Buffer;
  vi.spyOn(Buffer, "from").mockImplementation((...given: unknown[]) => {
    note(counted.encoded, given[0]);
    return Reflect.apply(from, Buffer, given) as Buffer<ArrayBuffer>;
  });
  return counted;
}

/** The next frames as they come over the wire. */
function wire({ ws }: TestSocket, count: number): Promise<{ bytes: string; binary: boolean }[]> {
  const frames: { bytes: string; binary: boolean }[] = [];
  return new Promise((resolve) => {
    ws.on("message", (data: Buffer, binary) => {
      if (frames.push({ bytes: data.toString("latin1"), binary }) === count) resolve(frames);
    });
  });
}

test("a group message is made, encoded and compressed once however many sockets get it, and is the same bytes for all", async () => {
  const from = await server.open(admin);
  const opened = [admin, ...others].flatMap((user) =>
    kinds.filter((kind) => user !== admin || kind.includes("resume")).map((kind) => server.open(user, kind)),
  );
  const devices = await Promise.all(opened);
  expect(devices).toHaveLength(2 + 12 * 4);
  const arriving = Promise.all(devices.map((device) => wire(device, messages)));
  const gzip = vi.spyOn(zlib, "gzipSync");
  // Who imports it by name sees it too.
  syncBuiltinESMExports();
  const { made, encoded } = countEncodings();
  for (let i = 0; i < messages; i++) {
    const content = `${i} `.padEnd(700, "x");
    from.send("chat", { client_id: `once-${i}`, group_id: group, content, message_type: "text" });
  }
  const frames = (await arriving).flat();
  const compressed = gzip.mock.calls.length;
  vi.restoreAllMocks();
  expect([made.length, encoded.length, compressed]).toEqual([messages, messages, messages]);
  expect(frames).toHaveLength(devices.length * messages);
  for (const binary of [false, true]) {
    const some = frames.filter((frame) => frame.binary === binary);
    expect([some.length, new Set(some.map(({ bytes }) => bytes)).size]).toEqual([25 * messages, messages]);
  }
});
