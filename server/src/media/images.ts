import { writeFile } from "node:fs/promises";
import sharp, { type Sharp } from "sharp";
import { createGate } from "../platform/gate.ts";

export type ImageKind = "jpeg" | "png" | "webp" | "gif";

/** The bytes begin like a picture but are none that can or may be decoded. */
export class InvalidImage extends Error {}

/** What the first 12 bytes say; undefined for anything else. */
export function imageKind(head: Buffer): ImageKind | undefined {
  const latin = head.toString("latin1", 0, 12);
  if (latin.startsWith("\xff\xd8\xff")) return "jpeg";
  if (latin.startsWith("\x89PNG\r\n\x1a\n")) return "png";
  if (/^RIFF[^]{4}WEBP/.test(latin)) return "webp";
  return /^GIF8[79]a/.test(latin) ? "gif" : undefined;
}

/** Work on pictures: a few at a time, each with a deadline, a bounded number waiting (else OmError `unavailable`). */
export interface Images {
  /** Reads the header alone. @throws InvalidImage for what is too large to decode or no such picture */
  check(path: string, kind: ImageKind): Promise<{ animated: boolean }>;
  /**
   * Decodes a checked picture and writes it anew: upright, in sRGB, at most `side` wide and high, never enlarged, without metadata.
   * JPEG has no transparency: white shines through. Of an animation the first picture is taken. @throws InvalidImage
   */
  encode(from: string, to: string, as: { kind: Exclude<ImageKind, "gif">; side: number }): Promise<void>;
}

/** Pixels that may be decoded: more than phones make, and no more memory than a small server has. */
const maxPixels = 50_000_000;
const quality = 85;

// One thread per picture, nothing kept, and no decoder but these three.
sharp.concurrency(1);
sharp.cache(false);
sharp.block({ operation: ["VipsForeignLoad"] });
sharp.unblock({ operation: ["VipsForeignLoadJpegFile", "VipsForeignLoadPngFile", "VipsForeignLoadWebpFile"] });

export function createImages(): Images {
  const gate = createGate({ parallel: 2, maxWaiting: 64 });
  return {
    check: (path, kind) =>
      gate.run(async () => {
        const { format, width, height, pages = 1 } = await decoded(() => open(path).metadata());
        if (format !== kind || width < 1 || height < 1 || width * height > maxPixels) {
          throw new InvalidImage("format or dimensions");
        }
        return { animated: pages > 1 };
      }),
    encode: (from, to, { kind, side }) =>
      gate.run(async () => {
        const size = { width: side, height: side, fit: "inside", withoutEnlargement: true } as const;
        const upright = open(from).timeout({ seconds: 10 }).autoOrient().resize(size);
        const bytes = await decoded(() =>
          kind === "jpeg"
            ? upright.flatten({ background: "#ffffff" }).jpeg({ quality }).toBuffer()
            : kind === "png"
              ? upright.png().toBuffer()
              : upright.webp({ quality }).toBuffer(),
        );
        await writeFile(to, bytes, { mode: 0o600 });
      }),
  };
}

function open(path: string): Sharp {
  return sharp(path, { limitInputPixels: maxPixels, failOn: "error", pages: 1 });
}

async function decoded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new InvalidImage("cannot be decoded", { cause });
  }
}
