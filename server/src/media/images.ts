import { writeFile } from "node:fs/promises";
import type { default as sharp, Metadata, Sharp } from "sharp";
import { createSemaphore } from "../platform/semaphore.ts";
import { removeMetadata } from "./metadata/remove-metadata.ts";

export type ImageKind = "jpeg" | "png" | "webp" | "gif";

/** The bytes begin like a picture but are none that can or may be decoded. */
export class InvalidImage extends Error {}

/** It claims to be far larger than any picture, to fill the memory of whoever opens it. */
export class ImageBomb extends InvalidImage {}

/** What the first 12 bytes say; undefined for anything else. */
export function imageKind(head: Buffer): ImageKind | undefined {
  const latin = head.toString("latin1", 0, 12);
  if (latin.startsWith("\xff\xd8\xff")) return "jpeg";
  if (latin.startsWith("\x89PNG\r\n\x1a\n")) return "png";
  if (/^RIFF[^]{4}WEBP/.test(latin)) return "webp";
  return /^GIF8[79]a/.test(latin) ? "gif" : undefined;
}

/** What may be decoded: as much as phones make (200 megapixels), and no more than a small server can hold twice. */
const maxPixels = 250_000_000;
const maxBytes = 160_000_000;
const bombPixels = 1_000_000_000;
const quality = 85;

/** Work on pictures: a few at a time, each with a deadline, a bounded number waiting (else OmError `unavailable`). */
export function createImages() {
  const semaphore = createSemaphore({ parallel: 2, maxWaiting: 64 });
  return {
    /** Reads the header alone. @throws InvalidImage for what is too large to decode or no such picture */
    check: (path: string, kind: ImageKind) =>
      semaphore.run(async () => {
        const found = await decoded((await open(path, false)).metadata());
        const pixels = found.width * found.height;
        if (pixels > bombPixels) throw new ImageBomb(`${pixels} pixels`);
        if (found.format !== kind || pixels < 1 || pixels > maxPixels || heldBytes(found) > maxBytes) {
          throw new InvalidImage("format or dimensions");
        }
        return { animated: (found.pages ?? 1) > 1 };
      }),
    /**
     * Decodes a checked picture and writes it anew: upright, in sRGB, at most `side` wide and high, never enlarged, without metadata.
     * JPEG has no transparency: white shines through. Of an animation the first picture is taken. @throws InvalidImage
     */
    encode: (from: string, to: string, { kind, side }: { kind: Exclude<ImageKind, "gif">; side: number }) =>
      semaphore.run(async () => {
        const size = { width: side, height: side, fit: "inside", withoutEnlargement: true } as const;
        const upright = (await open(from)).timeout({ seconds: 20 }).autoOrient().resize(size);
        const bytes = await decoded(
          kind === "jpeg"
            ? upright.flatten({ background: "#ffffff" }).jpeg({ quality }).toBuffer()
            : kind === "png"
              ? upright.png().toBuffer()
              : upright.webp({ quality }).toBuffer(),
        );
        await writeFile(to, bytes, { mode: 0o600 });
      }),
    /** See `removeMetadata`: of what is not decoded. */
    removeMetadata: (path: string, head: Buffer) => semaphore.run(() => removeMetadata(path, head)),
  };
}
export type Images = ReturnType<typeof createImages>;

async function open(path: string, limitInputPixels: number | false = maxPixels): Promise<Sharp> {
  const sharp = await loadDecoder();
  return sharp(path, { limitInputPixels, failOn: "error", pages: 1 });
}

/** How much of a picture is in memory at once while it is decoded: rows only, where nothing asks for all of them. */
function heldBytes({ width, height, channels, depth, ...found }: Metadata): number {
  const pixels = width * height;
  const isTurned = (found.orientation ?? 1) > 1;
  if (found.format === "jpeg") {
    // Coefficients of two bytes, of a quarter of the pixels where colours are coarser.
    if (found.isProgressive) return pixels * (found.chromaSubsampling === "4:2:0" ? 3 : 2 * channels);
    // More than twice as large as what is kept of it: each side is halved in decoding.
    if (isTurned) return (pixels * channels) / (Math.max(width, height) >= 8192 ? 4 : 1);
    return 0;
  }
  if (found.format === "png" && !found.isProgressive && !isTurned) return 0;
  return pixels * channels * (depth === "uchar" ? 1 : 2);
}

let decoder: Promise<typeof sharp> | undefined;

/** Loaded with the first picture, because loading takes a tenth of a second. */
function loadDecoder(): Promise<typeof sharp> {
  decoder ??= import("sharp").then(({ default: sharp }) => {
    // One thread per picture, nothing kept, and no decoder but these three.
    sharp.concurrency(1);
    sharp.cache(false);
    sharp.block({ operation: ["VipsForeignLoad"] });
    sharp.unblock({ operation: ["VipsForeignLoadJpegFile", "VipsForeignLoadPngFile", "VipsForeignLoadWebpFile"] });
    return sharp;
  });
  return decoder;
}

async function decoded<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw new InvalidImage("cannot be decoded", { cause });
  }
}
