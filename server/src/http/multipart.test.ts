import { once } from "node:events";
import { connect } from "node:net";
import { PassThrough, Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { limits } from "@om/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ReceiveFile } from "../platform/upload.ts";
import { openHttp, type TestHttp } from "../../tests/fixtures/http-server.ts";
import { boundary, multipart, multipartType, type Part } from "../../tests/fixtures/multipart.ts";
import { jsonText } from "../platform/json-text.ts";
import { BodyTooLarge } from "./body.ts";
import { fileReceiver } from "./multipart.ts";

/** What came of the last upload. */
let last: { outcome: string; name?: string; bytes: number | "cut" };
let http: TestHttp;

async function receiveAll(receive: ReceiveFile): Promise<typeof last> {
  let bytes: number | "cut" = 0;
  const received = await receive(async (file) => {
    bytes = "cut";
    bytes = (await buffer(file)).length;
  });
  return { ...received, bytes };
}

function receiverOf(body: Readable, rule: Parameters<typeof fileReceiver>[1]): ReceiveFile {
  const contentType = multipartType["content-type"];
  return fileReceiver({ body, contentType, maxBytes: 4_000_000, watch: () => () => undefined }, rule);
}

beforeAll(async () => {
  const handler = async ({ receive }: { receive: ReceiveFile }) => {
    last = await receiveAll(receive);
    return jsonText(JSON.stringify(last));
  };
  http = await openHttp({
    echo: true,
    env: { AVATAR_LIMIT: "0", ATTACHMENT_LIMIT: "0" },
    handlers: { uploadAvatar: handler, uploadAttachment: handler },
  });
});
afterAll(() => http[Symbol.asyncDispose]());

const bearer = { authorization: "Bearer good" };
const file = (data: Buffer | string, name = "avatar"): Part => ({ name, filename: "a.png", data });
const upload = async (body: Buffer | string | undefined, headers: Record<string, string> = multipartType) =>
  http.call("POST", "/api/users/me/avatar", { headers: { ...bearer, ...headers }, ...(body && { body }) });
const outcome = async (...parts: Part[]) => (await upload(multipart(...parts))).json();

describe("one file in the right field", () => {
  test.each([0, 1, 70_000, limits.avatarBytes])("of %i bytes arrives", async (size) => {
    expect(await outcome(file(Buffer.alloc(size, "\r\n--")))).toEqual({ outcome: "file", name: "a.png", bytes: size });
  });

  test("fields around it do no harm", async () => {
    const parts = [{ name: "x", data: "1" }, file("picture"), { name: "avatar", data: "2" }];
    expect(await outcome(...parts)).toMatchObject({ outcome: "file", bytes: 7 });
  });

  test("its name loses its folders", async () => {
    const answer = await upload(multipart({ name: "avatar", filename: "../../etc/passwd", data: "x" }));
    expect(answer.json()).toMatchObject({ name: "passwd" });
  });
});

describe("anything else", () => {
  test("one byte too much is too large", async () => {
    expect(await outcome(file(Buffer.alloc(limits.avatarBytes + 1)))).toMatchObject({
      outcome: "too_large",
      bytes: "cut",
    });
  });

  test.each([
    ["another field", multipart(file("x", "picture"))],
    ["no file but a text of that name", multipart({ name: "avatar", data: "x" })],
    ["no part", multipart()],
    ["no body", undefined],
  ])("%s: missing", async (_what, body) => {
    expect((await upload(body)).json()).toEqual({ outcome: "missing", bytes: 0 });
  });

  test.each(["", "garbage", "application/json", "multipart/form-data", "multipart/mixed; boundary=x", "; boundary=x"])(
    "content type %j: missing",
    async (type) => {
      const answer = await upload(multipart(file("x")), type === "" ? {} : { "content-type": type });
      expect(answer.json()).toEqual({ outcome: "missing", bytes: 0 });
    },
  );

  test.each([
    ["two files", [file("1"), file("2")]],
    ["a file in another field before it", [file("1", "other"), file("2")]],
    ["too many fields", [file("1"), ...Array.from({ length: 30 }, (_, i) => ({ name: `f${i}`, data: "x" }))]],
    ["too many files of other fields", Array.from({ length: 5_000 }, (_, i) => file("", `f${i}`))],
  ])("%s: broken", async (_what, parts) => {
    expect(await outcome(...parts)).toMatchObject({ outcome: "broken" });
  });

  test("headers without end are broken", async () => {
    const lines = Array.from({ length: 5_000 }, (_, i) => `x-${i}: y\r\n`).join("");
    const body = `--${boundary}\r\n${lines}content-disposition: form-data; name="avatar"; filename="a"\r\n\r\nx\r\n--${boundary}--`;
    expect((await upload(body)).json()["outcome"]).not.toBe("file");
  });

  test("bytes that are no multipart are no file", async () => {
    for (const body of ["x", "\r\n".repeat(1000), `--${boundary}`, `--${boundary}--`, Buffer.alloc(100_000)]) {
      expect((await upload(body)).json()["outcome"]).not.toBe("file");
    }
  });

  test("a body beyond all limits is 413, announced or counted", async () => {
    const body = multipart({ name: "a", data: Buffer.alloc(limits.avatarBytes + limits.multipartBytes, "x") });
    const answer = await upload(body);
    expect([answer.status, answer.text]).toEqual([413, "Request Entity Too Large"]);
    const pieces = Readable.from([body.subarray(0, 5_000_000), body.subarray(5_000_000)]);
    await expect(receiveAll(receiverOf(pieces, { field: "avatar", maxBytes: 10 }))).rejects.toThrow(BodyTooLarge);
  });
});

test("a body that ends anywhere before its end is no file, and never hangs", async () => {
  const whole = multipart({ name: "f", data: "v" }, file("some bytes of a picture"), { name: "g", data: "w" });
  const received = async (end: number, step: number) => {
    const body = new PassThrough();
    const receiving = receiveAll(receiverOf(body, { field: "avatar", maxBytes: 1000 }));
    for (let at = 0; at < end; at += step) body.write(whole.subarray(at, Math.min(end, at + step)));
    body.end();
    return (await receiving).outcome;
  };
  const closing = whole.length - "--\r\n".length;
  for (let end = 0; end < closing; end++) {
    expect([end, await received(end, 1_000)]).not.toEqual([end, "file"]);
    expect([end, await received(end, 7)]).not.toEqual([end, "file"]);
  }
  expect(await received(whole.length, 1)).toBe("file");
});

test("a client that goes away in the middle leaves a cut file and no failure", async () => {
  const body = multipart(file(Buffer.alloc(200_000)));
  const socket = connect(http.port, "127.0.0.1");
  await once(socket, "connect");
  last = { outcome: "", bytes: 0 };
  const head = [
    "POST /api/users/me/avatar HTTP/1.1",
    "host: x",
    "authorization: Bearer good",
    `content-length: ${body.length}`,
  ];
  socket.write([...head, `content-type: ${multipartType["content-type"]}`, "", ""].join("\r\n"));
  await new Promise((resolve) => socket.write(body.subarray(0, 100_000), resolve));
  socket.destroy();
  await expect.poll(() => last).toEqual({ outcome: "broken", bytes: "cut" });
  expect(http.failures).toEqual([]);
});

test("what the sink throws comes through while the body is still arriving", async () => {
  const body = new PassThrough();
  const receive = receiverOf(body, { field: "avatar", maxBytes: 1_000_000 });
  body.write(multipart(file(Buffer.alloc(500_000))).subarray(0, 300_000));
  await expect(
    receive(async (stream) => {
      await once(stream, "readable");
      throw new Error("no room");
    }),
  ).rejects.toThrow("no room");
  // The rest is read and dropped.
  body.end(Buffer.alloc(500_000));
  await once(body, "end");
});

test("who may not upload is told before the body is read", async () => {
  const answer = await http.call("POST", "/api/users/me/avatar", {
    headers: multipartType,
    body: multipart(file("x")),
  });
  expect(answer.json()["code"]).toBe("missing_access_token");
});
