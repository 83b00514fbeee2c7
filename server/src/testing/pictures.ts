import { crc32, deflateSync } from "node:zlib";
import sharp, { type Sharp } from "sharp";

/** A picture of one colour, to be encoded; red and opaque unless told. */
export function canvas(width: number, height: number, background = { r: 255, g: 0, b: 0, alpha: 1 }): Sharp {
  return sharp({ create: { width, height, channels: background.alpha === 1 ? 3 : 4, background } });
}

export const jpeg = (width = 40, height = 30): Promise<Buffer> => canvas(width, height).jpeg().toBuffer();
export const png = (width = 40, height = 30): Promise<Buffer> => canvas(width, height).png().toBuffer();
export const webp = (width = 40, height = 30): Promise<Buffer> => canvas(width, height).webp().toBuffer();
export const gif = (): Promise<Buffer> => canvas(4, 4).gif().toBuffer();

/** Two pictures after each other. */
export async function animatedWebp(): Promise<Buffer> {
  const frames = { width: 8, height: 16, channels: 3, pageHeight: 8 } as const;
  const pixels = Buffer.alloc(8 * 16 * 3).fill(255, 8 * 8 * 3);
  return sharp(pixels, { raw: frames })
    .webp({ loop: 0, delay: [100, 100] })
    .toBuffer();
}

/** A PNG whose header claims these dimensions, and whose data are far less. */
export function claimedPng(width: number, height: number, { depth = 8, color = 2 } = {}): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, color, 0, 0, 0], 8);
  const data = deflateSync(Buffer.alloc(1000));
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", header),
    chunk("IDAT", data),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** A JPEG whose frame claims these dimensions. */
export async function claimedJpeg(width: number, height: number): Promise<Buffer> {
  const bytes = await jpeg();
  const frame = bytes.indexOf(Buffer.from([0xff, 0xc0]));
  bytes.writeUInt16BE(height, frame + 5);
  bytes.writeUInt16BE(width, frame + 7);
  return bytes;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}
