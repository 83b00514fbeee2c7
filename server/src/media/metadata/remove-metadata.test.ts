import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { box, filmWithPlace, int, track } from "../../../tests/fixtures/films.ts";
import { animatedWebp, canvas, gif } from "../../../tests/fixtures/pictures.ts";
import { removeMetadata } from "./remove-metadata.ts";

const secret = "51.5000N 9.0000E";
const exif = { IFD0: { Copyright: secret } };

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), "om-metadata-"))));
afterAll(() => rmSync(folder, { recursive: true }));

async function cleaned(given: Buffer) {
  const path = join(folder, "in");
  writeFileSync(path, given);
  const isDone = await removeMetadata(path, given.subarray(0, 12));
  return { isDone, bytes: readFileSync(path) };
}

/** Where two files of the same length differ. */
function changes(before: Buffer, after: Buffer): number[] {
  expect(after.length).toBe(before.length);
  return [...before.keys()].filter((at) => before[at] !== after[at]);
}

async function expectClean(given: Buffer): Promise<Buffer> {
  expect(given.includes(secret)).toBe(true);
  const { isDone, bytes } = await cleaned(given);
  expect([isDone, bytes.includes(secret), bytes.length]).toEqual([true, false, given.length]);
  return bytes;
}

async function expectUntouched(given: Buffer): Promise<void> {
  const { isDone, bytes } = await cleaned(given);
  expect([isDone, bytes.equals(given)]).toEqual([false, true]);
}

const pixels = (bytes: Buffer) => sharp(bytes, { animated: true }).raw().toBuffer();

/** A HEIC with a picture, its EXIF and its XMP in the data, or its XMP in `idat`. */
function heic({
  shared = false,
  method = 0,
  trailer,
}: { shared?: boolean; method?: number; trailer?: Buffer } = {}): Buffer {
  const brand = box("ftyp", "heic", int(0), "mif1heic");
  const items = [1, 2, 3].map((id) => {
    const type = ["hvc1\0", "Exif\0", "mime\0application/rdf+xml\0"][id - 1] ?? "";
    return box("infe", int(0x02000000, id << 16), type);
  });
  const lengths = [10, secret.length, secret.length];
  const meta = (begin: number): Buffer => {
    const at = [begin, begin + 10 - (shared ? 1 : 0), method === 1 ? 0 : begin + 10 + secret.length];
    const places = [1, 2, 3].flatMap((id, i) => [
      Buffer.from([0, id, 0, id === 3 ? method : 0, 0, 0, 0, 1]),
      int(at[i] ?? 0, lengths[i] ?? 0),
    ]);
    return box(
      "meta",
      int(0),
      box("hdlr", int(0, 0), "pict", Buffer.alloc(13)),
      box("iinf", Buffer.from([0, 0, 0, 0, 0, 3]), ...items),
      box("iloc", Buffer.from([1, 0, 0, 0, 0x44, 0, 0, 3]), ...places),
      ...(method === 1 ? [box("idat", secret)] : []),
    );
  };
  const begin = brand.length + meta(0).length + 8;
  return Buffer.concat([
    brand,
    meta(begin),
    box("mdat", "a picture.", secret, method === 1 ? "" : secret),
    ...(trailer === undefined ? [] : [trailer]),
  ]);
}

describe("videos", () => {
  test("notes, dates and tracks of places become empty, and nothing else changes", async () => {
    const given = filmWithPlace(secret);
    const bytes = await expectClean(given);
    expect(bytes.includes("secret name")).toBe(false);
    expect(bytes.includes(Buffer.from([0x5e, 0xed]))).toBe(false);
    expect([bytes.includes("picture1"), bytes.includes("picture2"), bytes.indexOf("moov")]).toEqual([
      true,
      true,
      given.indexOf("moov"),
    ]);
    expect(bytes.toString("latin1").match(/trak/g)).toHaveLength(1);
    expect((await cleaned(bytes)).bytes.equals(bytes)).toBe(true);
  });

  test.each([
    ["a box that ends behind the file", Buffer.concat([filmWithPlace(secret), int(100), Buffer.from("udta")])],
    ["a box smaller than its head", Buffer.concat([filmWithPlace(secret), int(7), Buffer.from("udta")])],
    ["a long size behind the file", Buffer.concat([filmWithPlace(secret), int(1), Buffer.from("udta"), int(9, 9)])],
    ["an unknown box", Buffer.concat([filmWithPlace(secret), box("what", secret)])],
    ["a size of 0 that is not the last", Buffer.concat([box("moov", int(0), "udta"), box("free")])],
    ["notes in the samples of another track", notesAt(0)],
    ["notes outside of the data", notesAt(-4)],
    ["notes that are in fragments too", Buffer.concat([filmWithPlace(secret), box("moof", box("udta", secret))])],
    [
      "more boxes than any honest file has",
      Buffer.concat([box("ftyp", "mp42"), ...Array<Buffer>(100_001).fill(box("free"))]),
    ],
    ["boxes in boxes in boxes", nested(5_000)],
  ])("%s: nothing is touched", async (_what, given) => expectUntouched(given));

  test("sizes of 64 bits, and a last box without a size", async () => {
    const long = Buffer.concat([int(1), Buffer.from("udta"), int(0, 16 + secret.length), Buffer.from(secret)]);
    await expectClean(
      Buffer.concat([box("ftyp", "qt  "), box("moov", long), int(0), Buffer.from("udta"), Buffer.from(secret)]),
    );
  });
});

/** A video whose track of notes claims data from there on. */
function notesAt(shift: number): Buffer {
  const brand = box("ftyp", "mp42");
  const begin = brand.length + 8;
  const tracks = [track("vide", [[begin, 8]]), track("meta", [[begin + shift, 8]])];
  return Buffer.concat([brand, box("mdat", "picture1"), box("moov", ...tracks)]);
}

function nested(depth: number): Buffer {
  const bytes = Buffer.alloc(depth * 8);
  for (let i = 0; i < depth; i++) {
    bytes.writeUInt32BE((depth - i) * 8, i * 8);
    bytes.write("mpvd", i * 8 + 4);
  }
  return Buffer.concat([bytes, box("what")]);
}

describe("HEIC and AVIF", () => {
  test("EXIF and XMP become zeros, the picture stays", async () => {
    for (const given of [heic(), heic({ method: 1 }), heic({ trailer: box("mpvd", filmWithPlace(secret)) })]) {
      expect((await expectClean(given)).includes("a picture.")).toBe(true);
    }
    const changed = changes(heic(), (await cleaned(heic())).bytes);
    expect([changed[0], changed.length]).toEqual([heic().indexOf(secret), 2 * secret.length]);
  });

  test("data that no list of pictures names is no picture", async () => {
    await expectClean(Buffer.concat([box("ftyp", "heic", int(0), "mif1heic"), box("mdat", "Exif\0\0", secret)]));
  });

  test("EXIF that shares bytes with the picture, or is made of other items: nothing is touched", async () => {
    await expectUntouched(heic({ shared: true }));
    await expectUntouched(heic({ method: 2 }));
    await expectUntouched(Buffer.concat([Buffer.from("\0\0\0\x18ftypheic"), Buffer.alloc(200)]));
  });

  test("an AVIF shows the same", async () => {
    const given = await canvas(40, 30).withExif(exif).withXmp(`<x>${secret}</x>`).avif({ effort: 0 }).toBuffer();
    expect((await pixels(await expectClean(given))).equals(await pixels(given))).toBe(true);
  });
});

describe("animations", () => {
  test("an animated WebP loses EXIF and XMP and shows the same", async () => {
    const given = await animatedWebp(exif);
    const bytes = await expectClean(given);
    expect((await pixels(bytes)).equals(await pixels(given))).toBe(true);
    const { exif: left, xmp, pages } = await sharp(bytes).metadata();
    expect([left, xmp, pages]).toEqual([undefined, undefined, 2]);
    await expectUntouched(given.subarray(0, -1));
    await expectUntouched(Buffer.concat([given, Buffer.from(secret)]));
  });

  test.each([1, 2, 254, 255, 256, 257, 511, 512, 700])(
    "a GIF loses a comment and XMP of %i bytes and shows the same",
    async (size) => {
      const given = await gif();
      const xmp = Buffer.concat([Buffer.from(secret), Buffer.alloc(size, "x")]);
      // XMP is no list of blocks: 256 bytes behind it lead whoever reads it as one to its end.
      const magic = Buffer.from([1, ...Array.from({ length: 256 }, (_, i) => 255 - i), 0]);
      const comment = Buffer.concat([Buffer.from([0x21, 0xfe, secret.length]), Buffer.from(secret), Buffer.from([0])]);
      const at = given.length - 1;
      const telling = Buffer.concat([
        given.subarray(0, at),
        comment,
        Buffer.from("\x21\xff\x0bXMP DataXMP", "latin1"),
        xmp,
        magic,
        given.subarray(at),
      ]);
      const bytes = await expectClean(telling);
      expect(bytes.subarray(0, at).equals(given.subarray(0, at))).toBe(true);
      expect((await pixels(bytes)).equals(await pixels(given))).toBe(true);
      expect((await cleaned(bytes)).isDone).toBe(true);
      await expectUntouched(telling.subarray(0, -1));
      await expectUntouched(Buffer.concat([telling, Buffer.from(secret)]));
    },
  );
});

describe("whatever is cut off or overwritten", () => {
  const samples = async () => [
    filmWithPlace(secret),
    heic(),
    heic({ method: 1, trailer: box("mpvd", filmWithPlace(secret)) }),
    await animatedWebp(exif),
    await gif(),
  ];

  test("a file that is cut anywhere ends, and is as it was or as long as it was", async () => {
    for (const whole of await samples()) {
      for (let length = 12; length < whole.length; length += 5) {
        const given = whole.subarray(0, length);
        const { isDone, bytes } = await cleaned(given);
        expect([bytes.length, isDone || bytes.equals(given)]).toEqual([length, true]);
      }
    }
  });

  test("numbers anywhere in it may be wrong: what changes is empty, and a second time nothing changes", async () => {
    const wrong = fc.constantFrom(0, 1, 7, 8, 16, 255, 0xffff, 0x7fffffff, 0xffffffff);
    const files = [filmWithPlace(secret), heic()];
    await fc.assert(
      fc.asyncProperty(
        fc.nat(files.length - 1),
        fc.array(fc.tuple(fc.nat(10_000), wrong), { maxLength: 3 }),
        async (which, writes) => {
          const given = Buffer.from(files[which] ?? "");
          for (const [at, value] of writes) given.writeUInt32BE(value, 12 + (at % (given.length - 16)));
          const { isDone, bytes } = await cleaned(given);
          const changed = changes(given, bytes);
          expect(
            isDone ? changed.filter((at) => !"\0free".includes(String.fromCharCode(bytes[at] ?? 1))) : changed,
          ).toEqual([]);
          if (isDone) expect(await cleaned(bytes)).toEqual({ isDone, bytes });
        },
      ),
      { numRuns: 200 },
    );
  });
});
