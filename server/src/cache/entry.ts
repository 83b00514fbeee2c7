import { Packr } from "msgpackr";

/**
 * A cached value as Redis holds it: one msgpack array, the first six elements of fixed width so that scripts can change them in place.
 *
 *     0      0xdd  + u32 count           array32, count = 6 + records      bytes 1-4
 *     5      0xcf  + u64 ver             version of the body               6-13
 *     14     0xcf  + u64 pend            highest version that may commit   15-22
 *     23     0xc4 0x08 + 8 bytes token   lease holder, zeros = none        25-32
 *     33     0xcf  + u64 ms              end of the lease by Redis; of a clean entry: of the entry, by its writer's clock   34-41
 *     42     0xce  + u32 epoch                                             43-46
 *     47     0xc3 / 0xc2                 has a body
 *     48...  records
 */
export interface Header {
  records: number;
  ver: number;
  pend: number;
  leased: boolean;
  /** Milliseconds; see above. */
  until: number;
  epoch: number;
  hasBody: boolean;
}

export const headerBytes = 48;

const packr = new Packr({ useRecords: false, int64AsType: "number" });

/** undefined: these bytes are no entry. */
export function readHeader(bytes: Buffer): Header | undefined {
  if (bytes.length < headerBytes || bytes[0] !== 0xdd || bytes[5] !== 0xcf || bytes[14] !== 0xcf) return undefined;
  if (bytes[23] !== 0xc4 || bytes[24] !== 8 || bytes[33] !== 0xcf || bytes[42] !== 0xce) return undefined;
  const body = bytes[47];
  const records = bytes.readUInt32BE(1) - 6;
  if (records < 0 || (body !== 0xc3 && body !== 0xc2)) return undefined;
  const [ver, pend] = [readVersion(bytes, 6), readVersion(bytes, 15)];
  if (!Number.isSafeInteger(ver) || !Number.isSafeInteger(pend)) return undefined;
  return {
    records,
    ver,
    pend,
    leased: bytes.readUInt32BE(25) !== 0 || bytes.readUInt32BE(29) !== 0,
    until: readVersion(bytes, 34),
    epoch: bytes.readUInt32BE(43),
    hasBody: body === 0xc3,
  };
}

/** Whether the body may be served: nothing newer may have been committed. */
export function isServable(header: Header, epoch: number): boolean {
  return header.epoch === epoch && header.hasBody && header.ver === header.pend;
}

/** The versions in the header that begins at `at`; undefined: it is none of this epoch, or has no body. */
export function versionsAt(bytes: Buffer, at: number, epoch: number): { ver: number; isDirty: boolean } | undefined {
  if (bytes[at] !== 0xdd || bytes[at + 47] !== 0xc3 || bytes.readUInt32BE(at + 43) !== epoch) return undefined;
  const ver = readVersion(bytes, at + 6);
  return { ver, isDirty: ver !== readVersion(bytes, at + 15) };
}

/** The records of an entry; undefined when they are not exactly as many as the header says. */
export function readRecords(bytes: Buffer, header: Header): unknown[] | undefined {
  if (header.records === 0) return bytes.length === headerBytes ? [] : undefined;
  try {
    const records = packr.unpackMultiple(bytes.subarray(headerBytes)) as unknown[];
    return records.length === header.records ? records : undefined;
  } catch {
    return undefined;
  }
}

/** Records one after the other, as they stand in an entry; a Buffer is one that is packed already. */
export function packRecords(records: readonly unknown[]): Buffer {
  const [first] = records;
  if (records.length === 1 && Buffer.isBuffer(first)) return first;
  return Buffer.concat(records.map((record) => (Buffer.isBuffer(record) ? record : packRecord(record))));
}

export function packRecord(record: unknown): Buffer {
  // A buffer of the packer's is overwritten by its next call.
  return Buffer.from(packr.pack(record));
}

/** A clean entry. @param value.until when it expires, in ms */
export function packEntry(value: { ver: number; epoch: number; until: number; records: readonly unknown[] }): Buffer {
  const head = Buffer.alloc(headerBytes);
  head[0] = 0xdd;
  head.writeUInt32BE(6 + value.records.length, 1);
  for (const [at, n] of [
    [5, value.ver],
    [14, value.ver],
    [33, value.until],
  ] as const) {
    head[at] = 0xcf;
    head.writeBigUInt64BE(BigInt(n), at + 1);
  }
  head[23] = 0xc4;
  head[24] = 8;
  head[42] = 0xce;
  head.writeUInt32BE(value.epoch, 43);
  head[47] = 0xc3;
  return Buffer.concat([head, packRecords(value.records)]);
}

/** Versions stay below 2^53: scripts count in doubles. */
function readVersion(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4);
}
