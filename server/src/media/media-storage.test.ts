import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startS3, type S3Server } from "../../tests/fixtures/s3-server.ts";
import { diskStorage } from "./disk-storage.ts";
import type { MediaStorage } from "./media-storage.ts";
import { s3Storage } from "./s3-storage.ts";

let folder: string;
let s3: S3Server;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "om-storage-"));
  mkdirSync(join(folder, "incoming"));
  s3 = await startS3();
});
afterAll(async () => {
  await s3[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const openDisk = (): MediaStorage => diskStorage(join(folder, "media"));
const openS3 = (ms = 10_000): MediaStorage =>
  s3Storage({ ...s3, region: "us-east-1", useSsl: false }, { call: ms, upload: ms });

function incoming(bytes: Buffer | string): { path: string; type: string } {
  const path = join(folder, "incoming", randomUUID());
  writeFileSync(path, bytes);
  return { path, type: "image/png" };
}

async function read(storage: MediaStorage, key: string): Promise<Buffer | undefined> {
  const object = await storage.get(key);
  return object && buffer(await object.open());
}

describe.each([
  ["disk", openDisk],
  ["S3", openS3],
] as const)("the storage on %s", (_kind, open) => {
  let storage: MediaStorage;
  let key: string;
  beforeEach(() => {
    storage = open();
    key = `avatars/7/${randomUUID()}.jpg`;
  });

  test.each([0, 1, 3_000_000])("keeps %i bytes as they are", async (size) => {
    const bytes = Buffer.from(Array.from({ length: size }, (_, i) => i * 7));
    await storage.put(key, incoming(bytes));
    expect((await read(storage, key))?.equals(bytes)).toBe(true);
    expect((await storage.get(key))?.size).toBe(size);
  });

  test("gives a piece, from the first byte that is wanted to the last", async () => {
    await storage.put(key, incoming("0123456789"));
    const object = await storage.get(key);
    const piece = async (start: number, end: number) =>
      object && String(await buffer(await object.open({ start, end })));
    expect([await piece(0, 0), await piece(2, 4), await piece(9, 9)]).toEqual(["0", "234", "9"]);
  });

  test("tells size, time and a strong tag that goes with the bytes", async () => {
    const before = Math.floor(Date.now() / 1000) * 1000;
    await storage.put(key, incoming("one"));
    const first = await storage.get(key);
    expect(first?.etag).toMatch(/^"[^"]+"$/);
    expect(first?.lastModified.getTime()).toBeGreaterThanOrEqual(before);
    expect((await storage.get(key))?.etag).toBe(first?.etag);
    const other = `avatars/7/${randomUUID()}.jpg`;
    await storage.put(other, incoming("other"));
    expect((await storage.get(other))?.etag).not.toBe(first?.etag);
  });

  test("what is not there is undefined, and may be deleted", async () => {
    expect(await storage.get(key)).toBeUndefined();
    expect(await storage.get(`nowhere/${key}`)).toBeUndefined();
    await storage.delete(key);
  });

  test("deleted is gone, also for whoever has found it before", async () => {
    await storage.put(key, incoming("x"));
    const found = await storage.get(key);
    await storage.delete(key);
    expect(await storage.get(key)).toBeUndefined();
    await expect(found?.open()).rejects.toMatchObject({ code: "not_found" });
  });

  test("a reader may let go at any time", async () => {
    await storage.put(key, incoming(Buffer.alloc(3_000_000)));
    const stream = await (await storage.get(key))?.open();
    stream?.once("data", () => stream.destroy());
    if (stream) await once(stream, "close");
    expect((await read(storage, key))?.length).toBe(3_000_000);
  });

  test("a file that is not there is not put", async () => {
    await expect(storage.put(key, { path: join(folder, "incoming", "none"), type: "" })).rejects.toThrow(/ENOENT/);
    expect(await storage.get(key)).toBeUndefined();
  });

  test.each([
    "",
    "x",
    "/etc/passwd",
    "../x/y",
    "avatars/../../x",
    "avatars/..",
    "avatars/.hidden",
    "avatars//x",
    "avatars/7/",
    "avatars\\7\\x",
    "avatars/7/x\0.jpg",
    "avatars/7/A.jpg",
    "avatars/7/%2e%2e",
    "avatars/7/x?y",
  ])("the key %j is refused", async (wrong) => {
    await expect(storage.get(wrong)).rejects.toThrow("malformed storage key");
    await expect(storage.delete(wrong)).rejects.toThrow("malformed storage key");
    await expect(storage.put(wrong, incoming("x"))).rejects.toThrow("malformed storage key");
  });
});

describe("on disk", () => {
  test("a file appears under its name as a whole: it is moved there", async () => {
    const file = incoming("moved");
    await openDisk().put("avatars/8/moved.jpg", file);
    expect(existsSync(file.path)).toBe(false);
    expect(readdirSync(join(folder, "media/avatars/8"))).toEqual(["moved.jpg"]);
  });

  test("links and folders are no objects", async () => {
    mkdirSync(join(folder, "media/avatars/9/folder"), { recursive: true });
    writeFileSync(join(folder, "secret"), "secret");
    symlinkSync(join(folder, "secret"), join(folder, "media/avatars/9/link.jpg"));
    expect(await openDisk().get("avatars/9/link.jpg")).toBeUndefined();
    expect(await openDisk().get("avatars/9/folder")).toBeUndefined();
  });
});

describe("on S3", () => {
  beforeEach(() => {
    s3.fault = undefined;
  });

  test("every request is signed, addressed by path and says its length; the type is kept", async () => {
    const storage = openS3();
    await storage.put("avatars/1/a.png", incoming("x"));
    await read(storage, "avatars/1/a.png");
    expect(s3.objects.get("avatars/1/a.png")?.type).toBe("image/png");
    await storage.delete("avatars/1/a.png");
    expect(new Set(s3.requests)).toEqual(new Set(["PUT", "HEAD", "GET", "DELETE"]));
    expect(s3.complaints).toEqual([]);
  });

  test.each([403, 500, 301])("an answer of %i is a failure, not an absence", async (status) => {
    const storage = openS3();
    await storage.put("avatars/1/b.png", incoming("x"));
    const found = await storage.get("avatars/1/b.png");
    s3.fault = status;
    for (const work of [
      () => storage.put("avatars/1/c.png", incoming("x")),
      () => storage.get("avatars/1/b.png"),
      () => storage.delete("avatars/1/b.png"),
      () => found?.open(),
      () => found?.open({ start: 0, end: 0 }),
    ]) {
      await expect(work()).rejects.toThrow(`S3 answered ${status}`);
    }
  });

  test("a storage that is silent is given up", async () => {
    const storage = openS3(100);
    s3.fault = "silent";
    await expect(storage.get("avatars/1/b.png")).rejects.toThrow();
    await expect(storage.delete("avatars/1/b.png")).rejects.toThrow();
    await expect(storage.put("avatars/1/b.png", incoming("x"))).rejects.toThrow();
  });

  test.each(["stalls", "breaks off"] as const)("a download that %s fails", async (fault) => {
    const storage = openS3(100);
    await storage.put("avatars/1/d.png", incoming(Buffer.alloc(100_000)));
    const found = await storage.get("avatars/1/d.png");
    s3.fault = fault;
    const stream = await found?.open();
    await expect(stream && buffer(stream)).rejects.toThrow();
  });

  test("a reader that lets go ends the download", async () => {
    const storage = openS3();
    await storage.put("avatars/1/e.png", incoming(Buffer.alloc(100_000)));
    s3.fault = "stalls";
    const stream = await (await storage.get("avatars/1/e.png"))?.open();
    stream?.once("data", () => stream.destroy());
    await s3.abandoned;
  });

  test("nobody there is a failure", async () => {
    const storage = s3Storage({ ...s3, endpoint: "127.0.0.1:1", region: "us-east-1", useSsl: false });
    await expect(storage.get("avatars/1/b.png")).rejects.toThrow();
  });
});
