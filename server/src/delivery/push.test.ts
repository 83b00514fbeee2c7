import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Frame } from "./push.ts";

/** Of a WebSocket frame that is whole and not masked. */
function parsed(frame: Buffer): { data: Buffer; isBinary: boolean } {
  const short = (frame[1] ?? 0) & 0x7f;
  const [start, length] =
    short < 126 ? [2, short] : short === 126 ? [4, frame.readUInt16BE(2)] : [10, Number(frame.readBigUInt64BE(2))];
  expect([0x81, 0x82]).toContain(frame[0]);
  expect(frame.length).toBe(start + length);
  return { data: frame.subarray(start), isBinary: frame[0] === 0x82 };
}

test("a frame of 512 bytes stays as it is, one of 513 is packed", () => {
  for (const [length, isBinary] of [
    [512, false],
    [513, true],
  ] as const) {
    const frame = new Frame("x".repeat(length));
    expect(parsed(frame.bytes(true))).toMatchObject({ isBinary });
    expect(parsed(frame.bytes(false))).toMatchObject({ isBinary: false });
  }
});

test("whatever the text, its frames are whole, the packed one a gzip member of it and no longer, and made once", () => {
  const texts = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 2_000 }),
    // With its quotes and name, as long as a header can tell in 7 and in 16 bits, and one longer.
    fc.constantFrom(125, 126, 127, 65_535, 65_536).map((length) => "y".repeat(length - '{"text":""}'.length)),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const frame = new Frame(() => JSON.stringify({ text }));
      const [plain, packed] = [frame.bytes(false), frame.bytes(true)];
      expect([frame.bytes(false) === plain, frame.bytes(true) === packed]).toEqual([true, true]);
      expect(parsed(plain).data.toString()).toBe(frame.text);
      const { data, isBinary } = parsed(packed);
      expect((isBinary ? gunzipSync(data) : data).toString()).toBe(frame.text);
      expect(packed.length).toBeLessThanOrEqual(plain.length);
    }),
  );
});
