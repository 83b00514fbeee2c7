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

/** A file of ten bytes that is opened in pieces. */
const digits: Partial<FileResponse> = {
  size: 10,
  open: async ({ start, end } = { start: 0, end: 9 }) =>
    Readable.from([Buffer.from("0123456789").subarray(start, end + 1)]),
};

test.each([
  ["bytes=0-1", "01", "bytes 0-1/10"],
  ["bytes=8-", "89", "bytes 8-9/10"],
  ["bytes=-3", "789", "bytes 7-9/10"],
  ["bytes=-30", "0123456789", "bytes 0-9/10"],
  ["bytes=9-99999", "9", "bytes 9-9/10"],
])("Range %s gets that piece", async (range, text, contentRange) => {
  file = digits;
  const answer = await http.call("GET", path, { headers: { ...headers, range } });
  expect([answer.status, answer.text, answer.headers["content-range"]]).toEqual([206, text, contentRange]);
  expect(answer.headers).toMatchObject({
    "content-length": String(text.length),
    etag: '"tag"',
    "accept-ranges": "bytes",
  });
});

test.each(["bytes=10-", "bytes=11-12", "bytes=-0"])("Range %s is 416 and tells the size", async (range) => {
  file = digits;
  const answer = await http.call("GET", path, { headers: { ...headers, range } });
  expect([answer.status, answer.json()["code"], answer.headers["content-range"]]).toEqual([
    416,
    "range_not_satisfiable",
    "bytes */10",
  ]);
});

test.each(["bytes=0-1,3-4", "bytes=5-4", "bytes=-", "bytes=a-b", "items=0-1", "bytes 0-1", ""])(
  "Range %j gets the whole",
  async (range) => {
    file = digits;
    const answer = await http.call("GET", path, { headers: { ...headers, range } });
    expect([answer.status, answer.text, answer.headers["content-range"]]).toEqual([200, "0123456789", undefined]);
  },
);

test.each([
  ['"tag"', 206],
  ['"other"', 200],
  ['W/"tag"', 200],
  ["Wed, 04 Mar 2026 05:06:07 GMT", 206],
  ["Wed, 04 Mar 2026 05:06:08 GMT", 200],
])("If-Range %s goes on with the piece only when the file is the same: %i", async (condition, status) => {
  file = digits;
  const answer = await http.call("GET", path, { headers: { ...headers, range: "bytes=0-0", "if-range": condition } });
  expect(answer.status).toBe(status);
});

test("a known tag comes before a Range, and a HEAD has none", async () => {
  file = digits;
  const range = { ...headers, range: "bytes=0-1" };
  expect((await http.call("GET", path, { headers: { ...range, "if-none-match": '"tag"' } })).status).toBe(304);
  const head = await http.call("HEAD", path, { headers: range });
  expect([head.status, head.headers["content-length"]]).toEqual([200, "10"]);
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
    "private, no-store",
  ]);
});
