import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Frame } from "./push.ts";

test("a frame of 512 bytes stays as it is, one of 513 is packed", () => {
  expect(new Frame("x".repeat(512)).gzip).toBeUndefined();
  expect(new Frame("x".repeat(513)).gzip).toBeInstanceOf(Buffer);
});

test("whatever the text, the packed frame is a whole gzip member of it, smaller, and made once", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 2_000 }), (text) => {
      const frame = new Frame(JSON.stringify({ text }));
      expect(frame.bytes.toString()).toBe(frame.text);
      expect(frame.gzip).toBe(frame.gzip);
      if (frame.gzip === undefined) return;
      expect(frame.gzip.length).toBeLessThan(frame.bytes.length);
      expect(gunzipSync(frame.gzip).toString()).toBe(frame.text);
    }),
  );
});
