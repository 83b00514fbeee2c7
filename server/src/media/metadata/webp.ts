import { maxParts, Unclear, type Blank } from "./blanks.ts";

const pictures = new Set(["VP8 ", "VP8L", "VP8X", "ALPH", "ANIM", "ANMF", "ICCP"]);
const exifAndXmp = 0x0c;

/** EXIF, XMP and chunks that no picture needs become `JUNK`, which readers pass over. @throws Unclear */
export function findInWebp(bytes: Buffer): Blank[] {
  if (bytes.readUInt32LE(4) + 8 !== bytes.length) throw new Unclear("another length");
  const blanks: Blank[] = [];
  let at = 12;
  for (let parts = 0; at < bytes.length; parts++) {
    const type = bytes.toString("latin1", at, at + 4);
    const [start, size] = [at + 8, bytes.readUInt32LE(at + 4)];
    const end = start + size;
    if (end > bytes.length || parts > maxParts) throw new Unclear("chunks");
    if (type === "VP8X") {
      if (size !== 10) throw new Unclear("header");
      const flags = bytes.readUInt8(start);
      if ((flags & exifAndXmp) > 0)
        blanks.push({ start, end: start + 1, by: String.fromCharCode(flags & ~exifAndXmp) });
    } else if (!pictures.has(type)) blanks.push({ start: at, end: at + 4, by: "JUNK" }, { start, end });
    at = end + (size % 2);
  }
  return blanks;
}
