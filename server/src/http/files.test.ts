import { once } from "node:events";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { OmError } from "../platform/om-error.ts";
import { openHttp, type TestHttp } from "../../tests/fixtures/http-server.ts";
import type { FileResponse } from "../platform/file-response.ts";

const piece = Buffer.alloc(64 * 1024, "x");
const pieces = 2_000;
const path = "/api/media/avatars/avatars/1/x";
const headers = { authorization: "Bearer good" };
let http: TestHttp;
/** Streams that were opened, and how many pieces were taken of the last. */
let opened: Readable[];
let taken: number;
let file: Partial<FileResponse>;

beforeAll(async () => {
  http = await openHttp({
    handlers: {
      avatarFile: async () => ({
        type: "image/jpeg",
        size: piece.length * pieces,
        etag: '"tag"',
        lastModified: new Date("2026-03-04T05:06:07.123Z"),
        open: async () => {
          const stream = Readable.from(endless(), { objectMode: false });
          opened.push(stream);
          return stream;
        },
        ...file,
      }),
    },
  });
});
afterAll(() => http[Symbol.asyncDispose]());
beforeEach(() => {
  opened = [];
  taken = 0;
  file = {};
});

function* endless() {
  for (; taken < pieces; taken++) yield piece;
}

test("all of it arrives", async () => {
  const answer = await http.call("GET", path, { headers });
  expect([answer.status, answer.bytes.length]).toEqual([200, piece.length * pieces]);
});

test("a HEAD, and a tag that is known, open nothing", async () => {
  const head = await http.call("HEAD", path, { headers });
  expect([head.status, head.headers["content-length"]]).toEqual([200, String(piece.length * pieces)]);
  expect((await http.call("GET", path, { headers: { ...headers, "if-none-match": '"tag"' } })).status).toBe(304);
  expect((await http.call("HEAD", path, { headers: { ...headers, "if-none-match": '"tag"' } })).status).toBe(304);
  expect(opened).toEqual([]);
});

test("the time has whole seconds, so its own date is known", async () => {
  const date = "Wed, 04 Mar 2026 05:06:07 GMT";
  const answer = await http.call("HEAD", path, { headers: { ...headers, "if-modified-since": date } });
  expect([answer.status, answer.headers["last-modified"]]).toEqual([304, date]);
});

test("a download has a name", async () => {
  file = { type: "application/octet-stream", downloadAs: "x.pdf", size: 1, open: async () => Readable.from(["x"]) };
  const answer = await http.call("GET", path, { headers });
  expect([answer.text, answer.headers["content-disposition"]]).toEqual(["x", 'attachment; filename="x.pdf"']);
});

test("a client that takes nothing makes nothing be read; when it goes away the file is closed", async () => {
  const socket = connect(http.port, "127.0.0.1");
  await once(socket, "connect");
  socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer good\r\n\r\n`);
  await once(socket, "readable");
  // The buffers in between fill up, and then it stands still.
  let before = -1;
  await expect.poll(() => before === (before = taken), { interval: 200 }).toBe(true);
  expect(taken).toBeGreaterThan(0);
  expect(taken).toBeLessThan(pieces);
  const [stream] = opened;
  socket.destroy();
  if (stream && !stream.closed) await once(stream, "close");
  expect(stream?.destroyed).toBe(true);
});

test("an object that went away meanwhile is not found, and nothing says that this may be kept", async () => {
  file = { open: () => Promise.reject(new OmError("not_found")) };
  const answer = await http.call("GET", path, { headers });
  expect([answer.status, answer.json()["code"], answer.headers["cache-control"]]).toEqual([
    404,
    "not_found",
    undefined,
  ]);
});
