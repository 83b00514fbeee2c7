import { decode, decodeMulti } from "@msgpack/msgpack";
import fc from "fast-check";
import { expect, test } from "vitest";
import { headerBytes, isServable, packEntry, packRecords, readHeader, readRecords, type Header } from "./entry.ts";

const newest = Number.MAX_SAFE_INTEGER;
const versions = fc.oneof(fc.nat(), fc.maxSafeNat(), fc.constant(newest));
const epochs = fc.integer({ min: 0, max: 0xffff_ffff });
/** What features keep: texts, counts, flags, nothing and lists of them. */
const cells = fc.oneof(
  fc.string(),
  fc.string({ unit: "grapheme" }),
  fc.maxSafeInteger(),
  fc.boolean(),
  fc.constant(null),
);
const records = fc.array(fc.oneof(cells, fc.array(fc.oneof(cells, fc.array(cells)))), { maxLength: 20 });
const values = fc.record({ ver: versions, epoch: epochs, until: fc.maxSafeNat(), records });

const whole = (bytes: Buffer): { header: Header; records: unknown[] } => {
  const header = readHeader(bytes);
  const found = header === undefined ? undefined : readRecords(bytes, header);
  if (header === undefined || found === undefined) throw new Error("no entry");
  return { header, records: found };
};

const decoded = (bytes: Buffer): unknown => decode(Uint8Array.from(bytes));

const golden =
  "dd 00000009" + // an array of 6 + 3
  "cf 0000000000000102" + // ver
  "cf 0000000000000102" + // pend
  "c4 08 0000000000000000" + // nobody's lease
  "cf 0000018bcfe56800" + // until
  "ce 00000007" + // epoch
  "c3" + // has a body
  "93 a1 6d 01 c0" + // ["m", 1, null]
  "ce 49 96 02 d2" + // 1234567890
  "a5 68 c3 a9 21 21"; // "hé!!"

test("the bytes of an entry, which other decoders understand", () => {
  const bytes = packEntry({
    ver: 258,
    epoch: 7,
    until: 1_700_000_000_000,
    records: [["m", 1, null], 1_234_567_890, "hé!!"],
  });
  expect(bytes.toString("hex")).toBe(golden.replaceAll(" ", ""));
  const nobody = new Uint8Array(8);
  expect(decoded(bytes)).toEqual([258, 258, nobody, 1_700_000_000_000, 7, true, ["m", 1, null], 1_234_567_890, "hé!!"]);
});

test("an entry of nothing is a header alone", () => {
  const bytes = packEntry({ ver: 0, epoch: 1, until: 0, records: [] });
  expect(bytes).toHaveLength(headerBytes);
  expect(decoded(bytes)).toEqual([0, 0, new Uint8Array(8), 0, 1, true]);
  expect(whole(bytes).records).toEqual([]);
});

test("what is packed comes back, also by another decoder, up to the greatest version", () => {
  fc.assert(
    fc.property(values, (value) => {
      const bytes = packEntry(value);
      const { header, records: found } = whole(bytes);
      const { ver, epoch, until } = value;
      expect(header).toEqual({ records: found.length, ver, pend: ver, leased: false, until, epoch, hasBody: true });
      expect(found).toEqual(value.records);
      expect(decoded(bytes)).toEqual([ver, ver, new Uint8Array(8), until, epoch, true, ...value.records]);
    }),
  );
});

test("records that are appended later continue the array", () => {
  fc.assert(
    fc.property(values, records, (value, more) => {
      const bytes = Buffer.concat([packEntry(value), packRecords(more)]);
      bytes.writeUInt32BE(6 + value.records.length + more.length, 1);
      expect(whole(bytes).records).toEqual([...value.records, ...more]);
      expect([...decodeMulti(Uint8Array.from(packRecords(more)))]).toEqual(more);
    }),
  );
});

test("an entry cut off anywhere is none, or has no records; one with more behind it neither", () => {
  fc.assert(
    fc.property(values, fc.uint8Array({ minLength: 1, maxLength: 9 }), (value, tail) => {
      const bytes = packEntry(value);
      for (let length = 0; length < bytes.length; length++) {
        const part = bytes.subarray(0, length);
        const header = readHeader(part);
        if (length < headerBytes) expect(header).toBeUndefined();
        else expect(header && readRecords(part, header)).toBeUndefined();
      }
      const longer = Buffer.concat([bytes, tail]);
      const header = readHeader(longer);
      expect(header && readRecords(longer, header)).toBeUndefined();
    }),
    { numRuns: 50 },
  );
});

test("bytes of any kind never make it throw, and leave it as it was", () => {
  const some = packEntry({ ver: 5, epoch: 2, until: 9, records: ["kept", [1, 2]] });
  const anyBytes = fc.uint8Array({ maxLength: 200, size: "max" }).map((bytes) => Buffer.from(bytes));
  /** Headers that look right, before bytes that do not. */
  const anyBody = fc.tuple(fc.nat(30), anyBytes).map(([count, body]) => {
    const head = Buffer.from(some.subarray(0, headerBytes));
    head.writeUInt32BE(6 + count, 1);
    return Buffer.concat([head, body]);
  });
  const anyFlip = fc.tuple(fc.nat(some.length - 1), fc.nat(255)).map(([at, byte]) => {
    const bytes = Buffer.from(some);
    bytes[at] = byte;
    return bytes;
  });
  fc.assert(
    fc.property(fc.oneof(anyBytes, anyBody, anyFlip), (bytes) => {
      const header = readHeader(bytes);
      const found = header === undefined ? undefined : readRecords(bytes, header);
      if (header !== undefined && found !== undefined) expect(found).toHaveLength(header.records);
      expect(whole(some).records).toEqual(["kept", [1, 2]]);
    }),
    { numRuns: 5_000 },
  );
});

test("arrays in arrays without end, and lengths beyond everything, are no records", () => {
  const under = (body: Buffer): unknown => {
    const bytes = Buffer.concat([packEntry({ ver: 1, epoch: 1, until: 1, records: [] }), body]);
    bytes.writeUInt32BE(7, 1);
    const header = readHeader(bytes);
    return header && readRecords(bytes, header);
  };
  expect(under(Buffer.alloc(250_000, 0x91))).toBeUndefined();
  for (const kind of ["dd", "df", "db", "c6", "c9"]) {
    expect(under(Buffer.from(`${kind}ffffffff00`, "hex"))).toBeUndefined();
  }
});

test("versions that scripts could not tell apart are none of ours", () => {
  const bytes = packEntry({ ver: newest, epoch: 1, until: 0, records: [] });
  bytes.writeBigUInt64BE(BigInt(newest) + 2n, 6);
  expect(readHeader(bytes)).toBeUndefined();
  bytes.writeBigUInt64BE(BigInt(newest), 6);
  bytes.writeBigUInt64BE(BigInt(newest) + 1n, 15);
  expect(readHeader(bytes)).toBeUndefined();
});

test("only a body of this epoch to which nothing is pending may be served", () => {
  const header: Header = { records: 0, ver: 4, pend: 4, leased: false, until: 0, epoch: 3, hasBody: true };
  expect(isServable(header, 3)).toBe(true);
  expect(isServable({ ...header, leased: true }, 3)).toBe(true);
  expect(isServable({ ...header, pend: 5 }, 3)).toBe(false);
  expect(isServable({ ...header, hasBody: false }, 3)).toBe(false);
  expect(isServable(header, 2)).toBe(false);
  expect(isServable(header, 4)).toBe(false);
});
