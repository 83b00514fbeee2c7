import { createHash } from "node:crypto";
import { limits } from "@om/protocol";
import sharp from "sharp";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { DatabaseUnavailable } from "../platform/postgres/database.ts";
import { describeDatabases } from "../../tests/fixtures/databases.ts";
import { call, type Answer } from "../../tests/fixtures/http-server.ts";
import { mediaBase, openMedia, type TestMedia } from "../../tests/fixtures/media-server.ts";
import { multipart, multipartType, type Part } from "../../tests/fixtures/multipart.ts";
import { canvas, claimedPng, gif, jpeg, png, webp } from "../../tests/fixtures/pictures.ts";

const ownAvatar = "/api/users/me/avatar";
const uuid = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";
const picture = (data: Buffer | string, name = "avatar"): Part => ({
  name,
  filename: "me.png",
  type: "text/plain",
  data,
});
const shown = (answer: Answer) => ({
  status: answer.status,
  code: answer.json()["code"],
  error: answer.json()["error"],
});
const avatarOf = (answer: Answer): string => (answer.json() as { user: { avatar: string } }).user.avatar;
/** The path of a stored URL on this server. */
const pathOf = (url: string): string => `/api${url.slice(mediaBase.length)}`;

describeDatabases("avatars", (database) => {
  let ann = 0;
  let ben = 0;
  beforeAll(async () => {
    [ann = 0, ben = 0] = await database.addUsers("ann", "ben");
  });
  const stored = async (id: number) =>
    (
      await database.rows<{ avatar: string; updated_at: string }>(
        "select avatar, updated_at from users where id = $1",
        [id],
      )
    )[0];

  describe.each(["disk", "S3"] as const)("on %s", (storage) => {
    let open: TestMedia;
    beforeAll(async () => {
      open = await openMedia(database.db, { storage });
    });
    afterAll(() => open[Symbol.asyncDispose]());
    beforeEach(() => database.rows("update users set avatar = ''"));

    test.each([
      ["JPEG", jpeg],
      ["PNG", png],
      ["WebP", webp],
    ])("a %s becomes a JPEG at a URL that says avatars twice", async (_kind, make) => {
      const before = await stored(ann);
      const answer = await open.upload(ann, ownAvatar, picture(await make()));
      expect(answer.json()).toMatchObject({ user: { id: ann, username: "ann", email: "ann@example.org" } });
      const url = avatarOf(answer);
      expect(url).toMatch(new RegExp(`^${mediaBase}/media/avatars/avatars/${ann}/${uuid}\\.jpg$`));
      const after = await stored(ann);
      expect(mediaBase + after?.avatar).toBe(url);
      expect(after?.updated_at).not.toBe(before?.updated_at);
      const file = await open.get(ben, pathOf(url));
      expect([file.status, file.bytes.subarray(0, 3)]).toEqual([200, Buffer.from([0xff, 0xd8, 0xff])]);
    });

    test("its answer may be kept: type, length, tag, time, and no rights for a page", async () => {
      const path = pathOf(avatarOf(await open.upload(ann, ownAvatar, picture(await png()))));
      const answer = await open.get(ben, path);
      const { etag, "last-modified": modified, ...headers } = answer.headers;
      expect(headers).toMatchObject({
        "content-type": "image/jpeg",
        "content-length": String(answer.bytes.length),
        "cache-control": "private, max-age=31536000, immutable",
        "content-security-policy": "default-src 'none'; media-src 'self'; sandbox",
        "x-content-type-options": "nosniff",
      });
      expect(headers["content-disposition"]).toBeUndefined();
      expect(etag).toMatch(/^"[^"]+"$/);
      expect(modified).toMatch(/^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/);
      const caching = { etag, "last-modified": modified, "cache-control": headers["cache-control"] };
      for (const tags of [etag ?? "", `W/${etag}`, `"x", ${etag}`, "*"]) {
        const known = await open.get(ben, path, { "if-none-match": tags });
        expect([known.status, known.bytes.length]).toEqual([304, 0]);
        expect(known.headers).toMatchObject(caching);
        expect(known.headers["content-type"]).toBeUndefined();
      }
      expect((await open.get(ben, path, { "if-none-match": '"other"' })).status).toBe(200);
      expect((await open.get(ben, path, { "if-modified-since": modified ?? "" })).status).toBe(304);
      const old = new Date(Date.parse(modified ?? "") - 1000).toUTCString();
      expect((await open.get(ben, path, { "if-modified-since": old })).status).toBe(200);
      expect((await open.get(ben, path, { "if-modified-since": "yesterday" })).status).toBe(200);
    });

    test("HEAD says the same without the bytes", async () => {
      const path = pathOf(avatarOf(await open.upload(ann, ownAvatar, picture(await png()))));
      const full = await open.get(ben, path);
      const head = await call(open.port, "HEAD", path, { headers: { authorization: `Bearer ${ben}` } });
      expect([head.status, head.bytes.length]).toEqual([200, 0]);
      const same = ["content-type", "content-length", "etag", "last-modified", "cache-control"] as const;
      for (const name of same) expect([name, head.headers[name]]).toEqual([name, full.headers[name]]);
    });

    test("a new one replaces the old one and its object; another user's stays", async () => {
      await open.upload(ben, ownAvatar, picture(await png()));
      const first = avatarOf(await open.upload(ann, ownAvatar, picture(await png())));
      const before = open.keys();
      const second = avatarOf(await open.upload(ann, ownAvatar, picture(await jpeg())));
      expect(second).not.toBe(first);
      expect((await open.get(ann, pathOf(first))).json()).toMatchObject({ code: "not_found", error: "Not found" });
      expect((await open.get(ann, pathOf(second))).status).toBe(200);
      expect(open.keys()).toHaveLength(before.length);
    });

    test("two at once: one stays, with its object", async () => {
      const both = [picture(await png()), picture(await jpeg())].map((part) => open.upload(ann, ownAvatar, part));
      expect((await Promise.all(both)).map(({ status }) => status)).toEqual([200, 200]);
      const { avatar = "" } = (await stored(ann)) ?? {};
      expect((await open.get(ann, `/api${avatar}`)).status).toBe(200);
      expect(open.keys().filter((key) => key.startsWith(`avatars/${ann}/`) && avatar.endsWith(key))).toHaveLength(1);
    });

    test("deleted: the object too; deleting none is fine", async () => {
      const url = avatarOf(await open.upload(ann, ownAvatar, picture(await png())));
      for (let i = 0; i < 2; i++) {
        const answer = await open.call("DELETE", ownAvatar, { headers: { authorization: `Bearer ${ann}` } });
        expect([answer.status, answer.json()]).toMatchObject([200, { user: { id: ann, avatar: "" } }]);
      }
      expect((await stored(ann))?.avatar).toBe("");
      expect((await open.get(ann, pathOf(url))).status).toBe(404);
    });

    test("an avatar of elsewhere is replaced without touching any object", async () => {
      const others = avatarOf(await open.upload(ben, ownAvatar, picture(await png())));
      await database.rows("update users set avatar = $2 where id = $1", [ann, others]);
      await open.upload(ann, ownAvatar, picture(await png()));
      expect((await open.get(ann, pathOf(others))).status).toBe(200);
    });

    test.each([
      ["no file", [], "missing_avatar", "avatar file is required"],
      ["a file in another field", [picture("x", "picture")], "missing_avatar", "avatar file is required"],
      ["two files", [picture("x"), picture("y")], "invalid_avatar", "Invalid avatar upload"],
      ["more than 5 MiB", [picture(Buffer.alloc(limits.avatarBytes + 1))], "avatar_too_large", "Avatar is too large"],
      ["an empty file", [picture("")], "avatar_invalid", "Invalid image"],
      ["11 bytes", [picture(Buffer.from("\x89PNG\r\n\x1a\n___", "latin1"))], "avatar_invalid", "Invalid image"],
      ["text", [picture("hello, hello")], "avatar_unsupported", "Unsupported image type"],
      ["SVG", [picture("<svg xmlns='http://www.w3.org/2000/svg'/>")], "avatar_unsupported", "Unsupported image type"],
      ["a bomb", [picture(claimedPng(60_000, 60_000))], "avatar_invalid", "Invalid image"],
      ["a PNG without dimensions", [picture(claimedPng(0, 0))], "avatar_invalid", "Invalid image"],
      ["a PNG without its data", [picture(claimedPng(1_000, 1_000))], "avatar_invalid", "Invalid image"],
    ])("%s is refused and leaves nothing", async (_what, parts, code, error) => {
      const before = open.keys();
      expect(shown(await open.upload(ann, ownAvatar, ...parts))).toEqual({ status: 400, code, error });
      expect(open.keys()).toEqual(before);
      expect((await stored(ann))?.avatar).toBe("");
    });

    test("GIF is refused, and a body that stops in the middle", async () => {
      expect(shown(await open.upload(ann, ownAvatar, picture(await gif())))).toMatchObject({
        code: "avatar_unsupported",
      });
      const whole = multipart(picture(await png(400, 400)));
      const headers = { authorization: `Bearer ${ann}`, ...multipartType };
      const answer = await open.call("POST", ownAvatar, { headers, body: whole.subarray(0, whole.length - 40) });
      expect(shown(answer)).toEqual({ status: 400, code: "invalid_avatar", error: "Invalid avatar upload" });
    });

    test("a database that refuses leaves no object; one that has gone leaves it, because nobody knows", async () => {
      const broken = (cause: Error) => {
        const query = async () => {
          throw cause;
        };
        return openMedia({ ...database.db, query, transaction: query }, { storage });
      };
      for (const [error, left, status] of [
        [new Error("secret"), 0, 500],
        [new DatabaseUnavailable(new Error("secret")), 1, 503],
      ] as const) {
        await using open = await broken(error);
        const answer = await open.upload(ann, ownAvatar, picture(await png()));
        expect([answer.status, open.keys().length, answer.text.includes("secret")]).toEqual([status, left, false]);
      }
    });

    test("an account that has gone is told so, and leaves no object", async () => {
      const before = open.keys();
      expect(shown(await open.upload(999_999, ownAvatar, picture(await png())))).toMatchObject({
        code: "unauthorized",
      });
      expect(open.keys()).toEqual(before);
    });
  });

  describe("media paths", () => {
    let open: TestMedia;
    let path = "";
    beforeAll(async () => {
      open = await openMedia(database.db);
      path = pathOf(avatarOf(await open.upload(ann, ownAvatar, picture(await png()))));
    });
    afterAll(() => open[Symbol.asyncDispose]());

    test("upper case of the route, slashes at the end and in a row do no harm", async () => {
      const key = path.slice("/api/media/avatars/".length);
      for (const other of [
        `/API/Media/avatars/${key}`,
        `${path}/`,
        `/api/media/avatars///${key.replaceAll("/", "//")}`,
      ]) {
        expect([other, (await open.get(ben, other)).status]).toEqual([other, 200]);
      }
    });

    test.each([
      "",
      "/",
      "/..",
      "/../avatars",
      "/avatars/../avatars/1/x.jpg",
      "/avatars/%2e%2e/x.jpg",
      "/avatars\\1\\x.jpg",
      "/avatars/1/../../../jwt-secret",
      "/attachments/1/2f1a4c9e-0b1d-4e5f-8a9b-0c1d2e3f4a5b.png",
      "/incoming/x/in",
      "/avatars/1/2f1a4c9e-0b1d-4e5f-8a9b-0c1d2e3f4a5b.png",
      "/avatars/1/2f1a4c9e-0b1d-4e5f-8a9b-0c1d2e3f4a5b.jpg",
      "/avatars/1/2F1A4C9E-0B1D-4E5F-8A9B-0C1D2E3F4A5B.jpg",
      "/avatars/1/x.jpg%00",
      `/${"x/".repeat(5_000)}`,
    ])("avatars%s is not found", async (rest) => {
      const answer = await open.get(ann, `/api/media/avatars${rest}`);
      expect(shown(answer)).toEqual({ status: 404, code: "not_found", error: "Not found" });
      expect(answer.headers["cache-control"]).toBe("private, no-store");
    });

    test("other methods are not allowed, strangers not let in", async () => {
      const headers = { authorization: `Bearer ${ann}` };
      const put = await open.call("PUT", path, { headers });
      expect([put.status, put.headers.allow]).toEqual([405, "GET, HEAD"]);
      expect((await open.call("GET", path)).json()["code"]).toBe("missing_access_token");
      expect((await open.call("GET", path, { headers: { cookie: `om_access=${ann}` } })).status).toBe(200);
    });
  });

  test("S3 without all of its settings: every route says so, before anything else", async () => {
    for (const missing of ["S3_BUCKET", "S3_ACCESS_KEY", "S3_SECRET_KEY"]) {
      await using open = await openMedia(database.db, { storage: "S3", env: { [missing]: "" } });
      const headers = { authorization: `Bearer ${ann}` };
      for (const answer of [
        await open.upload(ann, ownAvatar),
        await open.upload(ann, "/api/media/attachments"),
        await open.call("DELETE", ownAvatar, { headers }),
        await open.get(ann, "/api/media/avatars/.."),
        await open.get(ann, "/api/media/attachments/.."),
      ]) {
        expect(shown(answer)).toEqual({ status: 503, code: "storage_not_configured", error: "Storage not configured" });
        expect(answer.headers["retry-after"]).toBeUndefined();
      }
      const group = await open.upload(ann, "/api/groups/x/avatar");
      expect([group.status, group.json()]).toEqual([503, { error: "Storage not configured" }]);
    }
  });

  test("a storage that fails: each route's own 500, and the old avatar stays", async () => {
    await using open = await openMedia(database.db, { storage: "S3" });
    const url = avatarOf(await open.upload(ann, ownAvatar, picture(await png())));
    if (open.s3) open.s3.fault = 500;
    const error = "Internal server error";
    const upload = await open.upload(ann, ownAvatar, picture(await png()));
    expect(shown(upload)).toEqual({ status: 500, code: "avatar_upload_failed", error });
    expect(mediaBase + (await stored(ann))?.avatar).toBe(url);
    expect(shown(await open.get(ann, pathOf(url)))).toEqual({ status: 500, code: "media_fetch_failed", error });
    const attachment = await open.upload(ann, "/api/media/attachments", picture("x", "attachment"));
    expect(shown(attachment)).toEqual({ status: 500, code: "attachment_upload_failed", error });
    // The avatar itself can go; its object stays behind, and that is told.
    const removed = await open.call("DELETE", ownAvatar, { headers: { authorization: `Bearer ${ann}` } });
    expect([removed.status, open.leftovers.length]).toEqual([200, 1]);
  });

  test("a storage that breaks off in the middle ends the connection, not in a short picture", async () => {
    await using open = await openMedia(database.db, { storage: "S3" });
    const noise = Buffer.from(
      Array.from(
        { length: 300 * 300 * 3 },
        (_, i) =>
          createHash("md5")
            .update(`${i >> 4}`)
            .digest()[i & 15] ?? 0,
      ),
    );
    const raw = { width: 300, height: 300, channels: 3 } as const;
    const url = avatarOf(await open.upload(ann, ownAvatar, picture(await sharp(noise, { raw }).png().toBuffer())));
    if (open.s3) open.s3.fault = "breaks off";
    await expect(open.get(ann, pathOf(url))).rejects.toThrow();
    if (open.s3) open.s3.fault = "breaks off at once";
    const answer = await open.get(ann, pathOf(url));
    expect(shown(answer)).toMatchObject({ status: 500, code: "media_fetch_failed" });
    expect(answer.headers).not.toMatchObject({ etag: expect.anything() });
    expect(answer.headers["cache-control"]).toBe("private, no-store");
  });

  test("10 uploads in 10 minutes per user, then 429", async () => {
    await using open = await openMedia(database.db, { env: { AVATAR_LIMIT: "10" } });
    for (let i = 1; i <= 10; i++) {
      const { headers } = await open.upload(ann, ownAvatar);
      expect(headers).toMatchObject({
        "x-ratelimit-limit": "10",
        "x-ratelimit-remaining": String(10 - i),
        "x-ratelimit-reset": "600",
      });
    }
    open.clock.now += 100_000;
    const refused = await open.upload(ann, ownAvatar, picture(await png()));
    expect([refused.status, refused.text, refused.headers["retry-after"]]).toEqual([429, "Too Many Requests", "500"]);
    expect(Object.keys(refused.headers).filter((name) => name.startsWith("x-ratelimit"))).toEqual([]);
    expect((await open.upload(ann, "/api/groups/1/avatar")).status).toBe(429);
    // Others, deleting and looking are not concerned.
    expect((await open.upload(ben, ownAvatar)).status).toBe(400);
    const headers = { authorization: `Bearer ${ann}` };
    expect((await open.call("DELETE", ownAvatar, { headers })).status).toBe(200);
    expect((await open.call("POST", ownAvatar)).status).toBe(401);
    open.clock.now += 500_000;
    expect((await open.upload(ann, ownAvatar, picture(await canvas(20, 20).png().toBuffer()))).status).toBe(200);
  });
});
