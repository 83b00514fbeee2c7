import { maxParts, Unclear, type Blank } from "./blanks.ts";

/** Extensions that a picture needs: how often it is repeated, and what its colours mean. */
const needed = new Set(["NETSCAPE2.0", "ANIMEXTS1.0", "ICCRGBG1012"]);

/** Comments, and what applications (XMP among them) have written beside the pictures. @throws Unclear */
export function findInGif(bytes: Buffer): Blank[] {
  const blanks: Blank[] = [];
  let at = 13 + colors(bytes.readUInt8(10));
  for (let parts = 0; parts < maxParts; parts++) {
    const kind = bytes.readUInt8(at);
    if (kind === 0x3b) {
      if (at + 1 !== bytes.length) throw new Unclear("something behind the end");
      return blanks;
    }
    if (kind === 0x2c) {
      at = endOfBlocks(bytes, at + 11 + colors(bytes.readUInt8(at + 9)));
    } else if (kind === 0x21) {
      const label = bytes.readUInt8(at + 1);
      const end = endOfBlocks(bytes, at + 2);
      // An application says its name in a first block of 11 bytes.
      const from = label === 0xff ? at + 3 + bytes.readUInt8(at + 2) : at + 2;
      const isNeeded = label === 0xff ? needed.has(bytes.toString("latin1", at + 3, from)) : label !== 0xfe;
      if (!isNeeded && end - from > 1) blanks.push({ start: from, end, by: emptyBlocks(end - from) });
      at = end;
    } else throw new Unclear("unknown block");
  }
  throw new Unclear("too many blocks");
}

function colors(flags: number): number {
  return (flags & 0x80) === 0 ? 0 : 3 << ((flags & 7) + 1);
}

/** Behind a list of blocks, each with its length before it, and the zero that ends them. */
function endOfBlocks(bytes: Buffer, start: number): number {
  let at = start;
  for (let length = 1; length > 0; at += 1 + length) length = bytes.readUInt8(at);
  return at;
}

/** A list of blocks of zeros that takes `length` bytes, its end included: anew, since the lengths that XMP pretends are letters of it. */
function emptyBlocks(length: number): string {
  let blocks = "";
  let left = length - 1;
  while (left > 0) {
    // A single byte left over would be an end too early.
    const size = Math.min(256, left === 257 ? 255 : left);
    blocks += String.fromCharCode(size - 1).padEnd(size, "\0");
    left -= size;
  }
  return blocks;
}
