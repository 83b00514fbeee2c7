import { limits } from "@om/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeDatabases, type TestDatabase } from "../../tests/fixtures/databases.ts";
import type { Answer } from "../../tests/fixtures/http-server.ts";
import { mediaBase, openMedia, type TestMedia } from "../../tests/fixtures/media-server.ts";
import type { Part } from "../../tests/fixtures/multipart.ts";
import { filmWithPlace } from "../../tests/fixtures/films.ts";
import { animatedWebp, canvas, claimedPng, gif, jpeg, png, webp } from "../../tests/fixtures/pictures.ts";

const route = "/api/media/attachments";
const uuid = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";
const attachment = (data: Buffer | string, filename = "a.jpg", name = "attachment"): Part => ({ name, filename, data });
const urlOf = (answer: Answer): string => answer.json()["url"] as string;
const pathOf = (url: string): string => `/api${url.slice(mediaBase.length)}`;

describeDatabases("attachments", (database) => {
  let open: TestMedia;
  let ann = 0;
  let ben = 0;
  let eve = 0;
  beforeAll(async () => {
    [ann = 0, ben = 0, eve = 0] = await database.addUsers("ann", "ben", "eve");
    open = await openMedia(database.db);
  });
  afterAll(() => open[Symbol.asyncDispose]());

  /** Uploads by ann; what comes back when she fetches it. */
  async function roundTrip(data: Buffer | string, filename?: string) {
    const answer = await open.upload(ann, route, attachment(data, filename));
    expect([answer.status, Object.keys(answer.json())]).toEqual([200, ["url", "metadata"]]);
    const url = urlOf(answer);
    const file = await open.get(ann, pathOf(url));
    return { url, metadata: answer.json()["metadata"], status: file.status, headers: file.headers, bytes: file.bytes };
  }

  test.each([
    ["JPEG", jpeg, "jpg", "image/jpeg"],
    ["PNG", png, "png", "image/png"],
    ["WebP", webp, "webp", "image/webp"],
  ])("a %s is encoded anew and shown, whatever its name says", async (_kind, make, extension, type) => {
    const given = Buffer.concat([await make(), Buffer.from("<script>alert(1)</script>")]);
    const { url, status, headers, bytes } = await roundTrip(given, "page.html");
    expect(url).toMatch(new RegExp(`^${mediaBase}/media/attachments/${ann}/${uuid}\\.${extension}$`));
    expect([status, bytes.includes("<script>"), headers["content-disposition"]]).toEqual([200, false, undefined]);
    expect(headers).toMatchObject({
      "content-type": type,
      "content-length": String(bytes.length),
      "cache-control": "private, max-age=31536000, immutable",
      "x-content-type-options": "nosniff",
      "content-security-policy": "default-src 'none'; media-src 'self'; sandbox",
    });
  });

  test.each([
    ["HTML", "<!doctype html><script>alert(1)</script>", "page.html", "html"],
    ["SVG", '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "a.svg", "svg"],
    ["text that calls itself a picture", "not a picture", "a.png", "bin"],
    ["a file without an extension", "x", "LICENSE", "bin"],
    ["a name that would break out of a header", "x", "a.p\u00e4f", "bin"],
  ])("%s stays as it is and is a download", async (_kind, text, name, extension) => {
    const { url, status, headers, bytes } = await roundTrip(text, name);
    const file = url.slice(url.lastIndexOf("/") + 1);
    expect([status, bytes.toString(), file.endsWith(`.${extension}`)]).toEqual([200, text, true]);
    expect(headers).toMatchObject({
      "content-type": "application/octet-stream",
      "content-disposition": `attachment; filename="${file}"`,
    });
  });

  test.each([
    ["GIF", gif, "a.gif", "gif"],
    ["an animated WebP", animatedWebp, "a.webp", "bin"],
  ])("%s keeps its pictures and is a download", async (_kind, make, name, extension) => {
    const given = await make();
    const { url, headers, bytes } = await roundTrip(given, name);
    expect([bytes.equals(given), url.endsWith(`.${extension}`)]).toEqual([true, true]);
    expect(headers["content-type"]).toBe("application/octet-stream");
  });

  const mp4 = Buffer.concat([Buffer.from("\0\0\0\x18ftypisom\0\0\x02\0isommp42"), Buffer.alloc(5_000, "x")]);

  test.each(["disk", "S3"] as const)("on %s a video is played: its type, and any piece of it", async (storage) => {
    await using open = await openMedia(database.db, { storage });
    const path = pathOf(urlOf(await open.upload(ann, route, attachment(mp4, "Clip.MP4"))));
    expect((await open.get(ann, path)).headers).toMatchObject({
      "content-type": "video/mp4",
      "accept-ranges": "bytes",
    });
    expect((await open.get(ann, path)).headers["content-disposition"]).toBeUndefined();
    // What Safari asks for first.
    const first = await open.get(ann, path, { range: "bytes=0-1" });
    expect([first.status, first.bytes, first.headers["content-range"]]).toEqual([
      206,
      mp4.subarray(0, 2),
      `bytes 0-1/${mp4.length}`,
    ]);
    const rest = await open.get(ann, path, { range: "bytes=2-", "if-range": first.headers.etag ?? "" });
    expect([rest.status, rest.bytes.equals(mp4.subarray(2))]).toEqual([206, true]);
    expect((await open.get(ann, path, { range: `bytes=${mp4.length}-` })).status).toBe(416);
    expect((await open.get(ben, path, { range: "bytes=0-1" })).status).toBe(404);
    expect(open.s3?.complaints ?? []).toEqual([]);
  });

  test("what cannot be decoded can still be sent, as a file", async () => {
    const telling = await canvas(400, 300)
      .withExif({ IFD0: { Copyright: "secret place" } })
      .jpeg()
      .toBuffer();
    for (const bytes of [
      claimedPng(900, 900),
      claimedPng(20_000, 20_000),
      telling.subarray(0, telling.length - 300),
      Buffer.from("\xff\xd8\xff no picture", "latin1"),
    ]) {
      const { url, metadata, headers, bytes: stored } = await roundTrip(bytes, "IMG_1.JPG");
      expect([stored.equals(bytes), url.endsWith(".bin"), metadata]).toEqual([true, true, "kept"]);
      expect(headers["content-disposition"]).toMatch(/^attachment/);
    }
  });

  test("where it was made is taken out, or the sender is told that it stays", async () => {
    const exif = { IFD0: { Copyright: "secret place" } };
    for (const [bytes, name, expected] of [
      [await canvas(40, 30).withExif(exif).jpeg().toBuffer(), "a.jpg", "removed"],
      [await animatedWebp(exif), "a.webp", "removed"],
      [await canvas(40, 30).withExif(exif).avif({ effort: 0 }).toBuffer(), "a.avif", "removed"],
      [filmWithPlace("secret place"), "a.mp4", "removed"],
      [Buffer.from("II*\0\x08\0\0\0secret place"), "a.tiff", "kept"],
      [Buffer.from("%PDF-1.7 /Author (secret place)"), "a.pdf", "kept"],
      [filmWithPlace("secret place").subarray(0, -1), "a.mov", "kept"],
    ] as const) {
      expect([name, bytes.includes("secret place")]).toEqual([name, true]);
      const { metadata, bytes: stored } = await roundTrip(bytes, name);
      expect([name, metadata, stored.includes("secret place")]).toEqual([name, expected, expected === "kept"]);
      if (!name.endsWith("jpg")) expect([name, stored.length]).toEqual([name, bytes.length]);
    }
  });

  test("what only calls itself a video is a download", async () => {
    for (const [bytes, name] of [
      ["<script>", "a.mp4"],
      [mp4, "a.mp3"],
      [mp4, "a.html"],
    ] as const) {
      const { headers } = await roundTrip(bytes, name);
      expect([name, headers["content-type"]]).toEqual([name, "application/octet-stream"]);
      expect(headers["content-disposition"]).toMatch(/^attachment/);
    }
  });

  test.each([
    ["no file", [], "missing_attachment", "attachment file is required"],
    ["another field", [attachment("x", "a", "avatar")], "missing_attachment", "attachment file is required"],
    ["an empty file", [attachment("")], "missing_attachment", "attachment file is required"],
    ["two files", [attachment("x"), attachment("y")], "invalid_attachment", "Invalid attachment upload"],
    ["a bomb", [attachment(claimedPng(60_000, 60_000))], "attachment_invalid", "Invalid image"],
  ])("%s is refused and leaves nothing", async (_what, parts, code, error) => {
    const before = open.keys();
    const answer = await open.upload(ann, route, ...parts);
    expect([answer.status, answer.json()]).toMatchObject([400, { code, error }]);
    expect(open.keys()).toEqual(before);
  });

  test("25 MiB are taken, one byte more is too large, and much more is no request at all", async () => {
    const bytes = Buffer.alloc(limits.attachmentBytes + 1, "x");
    const fitting = await open.upload(ann, route, attachment(bytes.subarray(1), "big.bin"));
    expect(fitting.status).toBe(200);
    expect((await open.get(ann, pathOf(urlOf(fitting)))).bytes.length).toBe(limits.attachmentBytes);
    const answer = await open.upload(ann, route, attachment(bytes));
    expect([answer.status, answer.json()]).toMatchObject([
      400,
      { code: "attachment_too_large", error: "Attachment is too large" },
    ]);
    const beside = await open.upload(ann, route, attachment("x"), { name: "y", data: Buffer.alloc(30_000_000) });
    expect([beside.status, beside.text]).toEqual([413, "Request Entity Too Large"]);
  });

  test("ATTACHMENT_LIMIT counts per user, apart from avatars", async () => {
    await using open = await openMedia(database.db, { env: { ATTACHMENT_LIMIT: "1" } });
    expect((await open.upload(ann, route)).status).toBe(400);
    const refused = await open.upload(ann, route);
    expect([refused.status, refused.headers["retry-after"]]).toEqual([429, "600"]);
    expect((await open.upload(ben, route)).status).toBe(400);
    expect((await open.upload(ann, "/api/users/me/avatar")).status).toBe(400);
  });

  test.each(["disk", "S3"] as const)(
    "on %s those that no message names are removed after a day, all others stay",
    async (storage) => {
      await using open = await openMedia(database.db, { storage });
      const talks = createTalks(database);
      const fresh = async () => urlOf(await open.upload(ann, route, attachment("x", "a.txt")));
      const talk = await talks.direct(ann, ben);
      const keyOf = (url: string): string => url.slice(`${mediaBase}/media/`.length);
      const [unsent, sent, inText, deleted] = [await fresh(), await fresh(), await fresh(), await fresh()];
      const seq = await talks.message(talk, { sender: ann, content: sent, type: "file" });
      await talks.message(talk, { sender: ann, content: inText, type: "text" });
      await talks.message(talk, { sender: ann, content: deleted, deleted: true });
      const all = [unsent, sent, inText, deleted].map(keyOf);
      const left = async (afterHours: number): Promise<string[]> => {
        open.clock.now += afterHours * 3_600_000;
        await open.media.sweepAttachments();
        return all.filter((key) => open.keys().some((name) => name.endsWith(key)));
      };
      expect(await left(23)).toEqual(all);
      expect(await left(1)).toEqual([keyOf(sent)]);
      expect(open.keys()).toHaveLength(1);
      // Also one whose message goes later, when its turn comes again.
      expect(await left(24)).toEqual([keyOf(sent)]);
      await database.rows(
        "update messages set deleted_at = now(), content = '' where conversation_id = $1 and seq = $2",
        [talk, seq],
      );
      expect(await left(24)).toEqual([keyOf(sent)]);
      expect(await left(24)).toEqual([]);
      expect(await database.rows("select from attachments where key = any($1)", [all])).toEqual([]);
    },
  );

  test("what another database may know is never removed, and a storage that fails is asked again", async () => {
    await using open = await openMedia(database.db, { storage: "S3" });
    const [known, unknown] = [
      urlOf(await open.upload(ann, route, attachment("x"))),
      urlOf(await open.upload(ann, route, attachment("y"))),
    ];
    await database.rows("delete from attachments where $1 like '%' || key", [unknown]);
    open.clock.now += 25 * 3_600_000;
    if (open.s3) open.s3.fault = 500;
    await expect(open.media.sweepAttachments()).rejects.toThrow("S3 answered 500 to DELETE");
    expect(open.keys()).toHaveLength(2);
    if (open.s3) open.s3.fault = undefined;
    await open.media.sweepAttachments();
    expect(open.keys().map((key) => [known, unknown].map((url) => url.endsWith(key)))).toEqual([[false, true]]);
  });

  test("however many are due, all are looked at", async () => {
    await using open = await openMedia(database.db);
    const uploaded: Answer[] = [];
    while (uploaded.length < 150) {
      uploaded.push(...(await Promise.all(Array.from({ length: 50 }, () => open.upload(ben, route, attachment("x"))))));
    }
    const talks = createTalks(database);
    const talk = await talks.direct(ann, ben);
    for (const answer of uploaded.slice(0, 120)) await talks.message(talk, { sender: ben, content: urlOf(answer) });
    open.clock.now += 24 * 3_600_000;
    await open.media.sweepAttachments();
    expect(open.keys()).toHaveLength(120);
  });

  describe("are for whoever uploaded them and whoever sees a message that names them", () => {
    let url: string;
    let talks: Talks;
    beforeAll(async () => {
      url = urlOf(await open.upload(ann, route, attachment(await png())));
      talks = createTalks(database);
    });
    const may = async (user: number, of = url) => {
      const answer = await open.get(user, pathOf(of));
      if (answer.status !== 200) expect([answer.status, answer.json()["code"]]).toEqual([404, "not_found"]);
      return answer.status === 200;
    };
    /** A new attachment of ann's, so that no message names it yet. */
    const fresh = async () => urlOf(await open.upload(ann, route, attachment("x")));

    test("nobody but the uploader while no message names it", async () => {
      expect([await may(ann), await may(ben), await may(eve)]).toEqual([true, false, false]);
      expect((await open.call("GET", pathOf(url))).status).toBe(401);
    });

    test("both people of a conversation, nobody else", async () => {
      const of = await fresh();
      await talks.message(await talks.direct(ann, ben), { sender: ann, content: of });
      expect([await may(ann, of), await may(ben, of), await may(eve, of)]).toEqual([true, true, false]);
      expect(await may(ben)).toBe(false);
    });

    test("members of a group until they leave", async () => {
      const of = await fresh();
      const group = await talks.group(ann, ben);
      await talks.message(group, { sender: ann, content: of, type: "file" });
      expect([await may(ben, of), await may(eve, of)]).toEqual([true, false]);
      await talks.change(group, ben, "left_at = now()");
      expect(await may(ben, of)).toBe(false);
    });

    test.each([
      ["a text", { type: "text" }, false],
      ["a deleted message", { deleted: true }, false],
      ["a message hidden from its recipient", { hidden: true }, false],
      ["another base, as of an imported database", { prefix: "https://old.example/api" }, true],
      ["the URL with something behind it", { suffix: "?x" }, false],
      ["the URL behind something else", { prefix: "look: https://x/api" }, true],
    ])("%s", async (_what, { prefix, suffix = "", ...more }: Shape, expected) => {
      const of = await fresh();
      const content = (prefix === undefined ? of : prefix + of.slice(mediaBase.length)) + suffix;
      await talks.message(await talks.direct(ann, ben), { sender: ann, content, ...more });
      expect([await may(ben, of), await may(ann, of)]).toEqual([expected, true]);
    });

    test("hidden from others, its sender sees it: a forwarded one", async () => {
      const of = await fresh();
      await talks.message(await talks.direct(ben, eve), { sender: ben, content: of, hidden: true });
      expect([await may(ben, of), await may(eve, of)]).toEqual([true, false]);
    });

    test("not what lies before the point up to which somebody deleted the conversation", async () => {
      const of = await fresh();
      const talk = await talks.direct(ann, ben);
      const seq = await talks.message(talk, { sender: ann, content: of });
      await talks.change(talk, ben, `cleared_seq = ${seq}`);
      expect(await may(ben, of)).toBe(false);
      await talks.message(talk, { sender: ann, content: of });
      expect(await may(ben, of)).toBe(true);
    });

    test.each(["", "/", "/..", "/x", "/1/x.png", "/1\\x.png", "/../avatars/avatars/1/x.jpg", `/avatars/1/x`])(
      "attachments%s is not found",
      async (rest) => {
        const answer = await open.get(ann, `${route}${rest}`);
        expect([answer.status, answer.json()["code"]]).toEqual([404, "not_found"]);
      },
    );
  });
});

interface Shape {
  type?: string;
  deleted?: boolean;
  hidden?: boolean;
  prefix?: string;
  suffix?: string;
}

type Talks = ReturnType<typeof createTalks>;

/** Conversations and messages as rows. */
function createTalks({ rows }: TestDatabase) {
  const join = async (talk: number, users: number[]): Promise<number> => {
    for (const user of users) {
      await rows("insert into participants (user_id, conversation_id) values ($1, $2) on conflict do nothing", [
        user,
        talk,
      ]);
    }
    return talk;
  };
  const only = async (text: string, values: unknown[]): Promise<number> =>
    (await rows<{ id: number }>(text, values))[0]?.id ?? 0;
  return {
    direct: async (a: number, b: number) =>
      join(
        await only(
          "insert into conversations (lo, hi) values ($1, $2) on conflict (lo, hi) do update set lo = excluded.lo returning id",
          [Math.min(a, b), Math.max(a, b)],
        ),
        [a, b],
      ),
    async group(...users: number[]) {
      const id = await only("insert into groups (name, creator_id) values ('g', $1) returning id", [users[0]]);
      return join(await only("insert into conversations (group_id) values ($1) returning id", [id]), users);
    },
    change: (talk: number, user: number, what: string) =>
      rows(`update participants set ${what} where conversation_id = $1 and user_id = $2`, [talk, user]),
    async message(talk: number, message: Shape & { sender: number; content: string }): Promise<number> {
      const { sender, content, type = "image", deleted = false, hidden = false } = message;
      const seq = await only(
        "update conversations set seq = seq + 1, ver = ver + 1 where id = $1 returning seq as id",
        [talk],
      );
      await rows(
        `insert into messages (conversation_id, seq, first_ver, ver, sender_id, client_id, message_type, content, created_at, deleted_at, hidden)
         values ($1, $2, $2, $2, $3, gen_random_uuid(), $4, $5, now(), $6, $7)`,
        [talk, seq, sender, type, content, deleted ? new Date() : null, hidden],
      );
      return seq;
    },
  };
}
