import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { animatedWebp, canvas, claimedJpeg, claimedPng, gif, jpeg, png, webp } from "../../tests/fixtures/pictures.ts";
import { createImages, ImageBomb, imageKind, InvalidImage, type ImageKind } from "./images.ts";

const images = createImages();
let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), "om-images-"))));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function saved(bytes: Buffer): string {
  const path = join(folder, `in-${files++}`);
  writeFileSync(path, bytes);
  return path;
}

type Target = Parameters<typeof images.encode>[2];

/** What is left of a picture: its description, its bytes, and the colour of a corner. */
async function encoded(bytes: Buffer, as: Partial<Target> = {}) {
  const to = join(folder, `out-${files++}`);
  await images.encode(saved(bytes), to, { kind: "jpeg", side: 2048, ...as });
  const corner = await sharp(to).removeAlpha().extract({ left: 0, top: 0, width: 1, height: 1 }).raw().toBuffer();
  return { ...(await sharp(to).metadata()), corner: [...corner], bytes: readFileSync(to) };
}

/** What becomes of bytes that begin like `kind`. */
async function judged(bytes: Buffer, kind: ImageKind): Promise<string> {
  const path = saved(bytes);
  try {
    await images.check(path, kind);
    await images.encode(path, join(folder, `out-${files++}`), { kind: "jpeg", side: 2048 });
    return "accepted";
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidImage);
    return "invalid";
  }
}

test("the first bytes decide, whatever the rest", async () => {
  expect(imageKind((await jpeg()).subarray(0, 12))).toBe("jpeg");
  expect(imageKind((await png()).subarray(0, 12))).toBe("png");
  expect(imageKind((await webp()).subarray(0, 12))).toBe("webp");
  expect(imageKind((await gif()).subarray(0, 12))).toBe("gif");
  for (const text of [
    "",
    "<svg xmlns=",
    "<!doctype ht",
    "BM__________",
    "RIFF____WAVE",
    "\x89PNG\n",
    "II*\0________",
  ]) {
    expect([text, imageKind(Buffer.from(text, "latin1"))]).toEqual([text, undefined]);
  }
});

describe("a picture is encoded anew", () => {
  test("scaled down to fit, never up", async () => {
    expect(await encoded(await png(3000, 1500))).toMatchObject({ format: "jpeg", width: 2048, height: 1024 });
    expect(await encoded(await png(100, 3000))).toMatchObject({ width: 68, height: 2048 });
    expect(await encoded(await jpeg(2048, 2048))).toMatchObject({ width: 2048, height: 2048 });
    expect(await encoded(await webp(40, 30))).toMatchObject({ width: 40, height: 30 });
    expect(await encoded(await webp(1, 1))).toMatchObject({ width: 1, height: 1 });
  });

  test.each([
    ["50 megapixels", 8_160, 6_144],
    ["108 megapixels", 12_000, 9_000],
    ["200 megapixels", 16_320, 12_240],
    ["a panorama", 14_000, 4_000],
  ])("what phones make is taken: %s", async (_what, width, height) => {
    expect(await images.check(saved(await claimedJpeg(width, height)), "jpeg")).toEqual({ animated: false });
  });

  test("a panorama is scaled", async () => {
    expect(await encoded(await jpeg(14_000, 1_000), { side: 4096 })).toMatchObject({ width: 4096, height: 293 });
  });

  test("upright, as its EXIF says", async () => {
    const turned = await canvas(40, 30).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const result = await encoded(turned);
    expect([result.width, result.height, result.orientation]).toEqual([30, 40, undefined]);
  });

  test("on white, where JPEG has no transparency", async () => {
    const glass = await canvas(20, 20, { r: 255, g: 0, b: 0, alpha: 0 }).png().toBuffer();
    const { corner, hasAlpha } = await encoded(glass);
    expect([corner, hasAlpha]).toEqual([[255, 255, 255], false]);
    expect((await encoded(glass, { kind: "png" })).hasAlpha).toBe(true);
    expect((await encoded(glass, { kind: "webp" })).hasAlpha).toBe(true);
  });

  test("without metadata", async () => {
    const exif = { IFD0: { Copyright: "secret place", ImageDescription: "secret place" } };
    const telling = await canvas(20, 20).withExif(exif).withXmp("<x>secret place</x>").jpeg().toBuffer();
    expect(telling.includes("secret place")).toBe(true);
    for (const kind of ["jpeg", "png", "webp"] as const) {
      const { exif, xmp, iptc, bytes } = await encoded(telling, { kind });
      expect([exif, xmp, iptc, bytes.includes("secret place")]).toEqual([undefined, undefined, undefined, false]);
    }
  });

  test("so that nothing behind or beside it survives", async () => {
    const bytes = Buffer.concat([await jpeg(), Buffer.from("<script>alert(1)</script>")]);
    expect((await encoded(bytes)).bytes.includes("script")).toBe(false);
  });

  test.each(["jpeg", "png", "webp"] as const)("as %s when asked", async (kind) => {
    expect((await encoded(await png(), { kind })).format).toBe(kind);
  });

  test("of an animation the first picture", async () => {
    const bytes = await animatedWebp();
    expect(await images.check(saved(bytes), "webp")).toEqual({ animated: true });
    expect(await images.check(saved(await webp()), "webp")).toEqual({ animated: false });
    expect(await encoded(bytes)).toMatchObject({ format: "jpeg", width: 8, height: 8 });
  });
});

describe("what claims more than may be decoded is refused by its header", () => {
  test.each([
    [60_000, 60_000],
    [250_001, 1_000],
    [1_000_000, 1_000_000],
    [0, 10],
    [10, 0],
    [0x7fffffff, 0x7fffffff],
    [0xffffffff, 1],
  ])("PNG %i x %i", async (width, height) => {
    await expect(images.check(saved(claimedPng(width, height)), "png")).rejects.toBeInstanceOf(InvalidImage);
    await expect(encoded(claimedPng(width, height))).rejects.toBeInstanceOf(InvalidImage);
  });

  test("what has to be in memory as a whole may have fewer pixels", async () => {
    const check = async (bytes: Buffer, kind: ImageKind) =>
      images.check(saved(bytes), kind).then(
        () => "taken",
        (error: unknown) => (error instanceof InvalidImage ? "refused" : error),
      );
    const interlaced = { interlace: 1 };
    expect(await check(claimedPng(20_000, 12_000), "png")).toBe("taken");
    expect(await check(claimedPng(7_000, 7_000, interlaced), "png")).toBe("taken");
    for (const [depth, color] of [
      [16, 2],
      [8, 6],
      [16, 6],
    ] as const) {
      expect(await check(claimedPng(7_000, 7_000, { ...interlaced, depth, color }), "png")).toBe("refused");
    }
    const turned = { orientation: 6 };
    expect(await check(await claimedJpeg(8_000, 6_000, turned), "jpeg")).toBe("taken");
    expect(await check(await claimedJpeg(8_191, 8_191, turned), "jpeg")).toBe("refused");
    expect(await check(await claimedJpeg(16_320, 12_240, turned), "jpeg")).toBe("taken");
    expect(await check(await claimedJpeg(8_000, 6_000, { progressive: true }), "jpeg")).toBe("taken");
    expect(await check(await claimedJpeg(12_000, 9_000, { progressive: true }), "jpeg")).toBe("refused");
  });

  test("what claims to be larger than any picture is a bomb", async () => {
    await expect(images.check(saved(claimedPng(60_000, 60_000)), "png")).rejects.toBeInstanceOf(ImageBomb);
    await expect(images.check(saved(await claimedJpeg(65_500, 65_500)), "jpeg")).rejects.toBeInstanceOf(ImageBomb);
    await expect(images.check(saved(claimedPng(20_000, 20_000)), "png")).rejects.not.toBeInstanceOf(ImageBomb);
  });

  test("JPEG", async () => {
    const bomb = await claimedJpeg(65_500, 65_500);
    await expect(images.check(saved(bomb), "jpeg")).rejects.toBeInstanceOf(InvalidImage);
    await expect(images.check(saved(await claimedJpeg(0, 0)), "jpeg")).rejects.toBeInstanceOf(InvalidImage);
  });

  test("WebP", async () => {
    const bomb = await webp();
    const at = bomb.indexOf("VP8 ");
    bomb.writeUInt16LE(16_383, at + 14);
    bomb.writeUInt16LE(16_383, at + 16);
    await expect(images.check(saved(bomb), "webp")).rejects.toBeInstanceOf(InvalidImage);
  });
});

describe("what cannot be decoded is invalid", () => {
  test.each([
    ["jpeg", jpeg],
    ["png", png],
    ["webp", webp],
  ] as const)("%s: cut short, scrambled, or only its first bytes", async (kind, make) => {
    const whole = await make(400, 300);
    expect(await judged(whole, kind)).toBe("accepted");
    expect(await judged(whole.subarray(0, whole.length >> 1), kind)).toBe("invalid");
    expect(await judged(whole.subarray(0, 12), kind)).toBe("invalid");
    expect(await judged(Buffer.concat([whole.subarray(0, 12), Buffer.alloc(5_000, 7)]), kind)).toBe("invalid");
  });

  test("a PNG with less data than it claims", async () => {
    expect(await judged(claimedPng(2_000, 2_000), "png")).toBe("invalid");
  });

  test("another kind than its first bytes say, and kinds that are not taken", async () => {
    expect(await judged(await png(), "jpeg")).toBe("invalid");
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>';
    for (const bytes of [Buffer.from(svg), await gif(), await canvas(9, 9).tiff().toBuffer()]) {
      expect(await judged(bytes, "png")).toBe("invalid");
    }
  });
});
