import { readFile, writeFile } from "node:fs/promises";
import { Unclear, type Blank } from "./blanks.ts";
import { findInBoxes } from "./find-in-boxes.ts";
import { findInGif } from "./gif.ts";
import { findInWebp } from "./webp.ts";

/** What finds metadata in a file with these first 12 bytes; undefined when nobody looks into such files. */
function finderFor(head: Buffer): ((bytes: Buffer) => Blank[]) | undefined {
  const latin = head.toString("latin1", 0, 12);
  if (/^GIF8[79]a/.test(latin)) return findInGif;
  if (/^RIFF[^]{4}WEBP/.test(latin)) return findInWebp;
  return /^[^]{4}(?:ftyp|moov|mdat|wide|free|skip)/.test(latin) ? findInBoxes : undefined;
}

/**
 * Overwrites what tells where, when and with what something was taken, in MP4, MOV, HEIC, AVIF, WebP and GIF; every other byte stays as and where
 * it is. The whole file, 25 MiB at the most, is in memory meanwhile.
 * @param head the first 12 bytes of the file. @returns whether it is done; false: the file is of another kind or not clear, and is as it was
 */
export async function removeMetadata(path: string, head: Buffer): Promise<boolean> {
  const find = finderFor(head);
  if (find === undefined) return false;
  const bytes = await readFile(path);
  const found = blank(bytes, find);
  if (found === "some") await writeFile(path, bytes);
  return found !== "unclear";
}

/** In `bytes` themselves. */
function blank(bytes: Buffer, find: (bytes: Buffer) => Blank[]): "some" | "none" | "unclear" {
  try {
    const blanks = find(bytes);
    for (const { start, end, by = "" } of blanks) bytes.fill(0, start + bytes.write(by, start, "latin1"), end);
    return blanks.length > 0 ? "some" : "none";
  } catch (error) {
    // A RangeError: a count or an offset leads out of the file.
    if (error instanceof Unclear || error instanceof RangeError) return "unclear";
    throw error;
  }
}
