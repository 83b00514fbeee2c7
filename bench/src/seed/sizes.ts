import { gzipSync } from "node:zlib";
import { unpackMultiple, Packr } from "msgpackr";
import { median, nowMs } from "../measure.ts";

/** A line of a size table. */
export interface Size {
  what: string;
  value: string;
}

const packr = new Packr({ useRecords: false, int64AsType: "number" });
const bytes = (n: number): string => `${n.toLocaleString("en")} bytes`;

/** What a history page of 50 takes as JSON, as msgpack, and in Redis; and how long the one and the other take to be made and read. */
export function pageSizes(answer: Buffer, entry: Buffer): Size[] {
  const value: unknown = JSON.parse(answer.toString());
  const packed = Buffer.from(packr.pack(value));
  const records = unpackMultiple(entry.subarray(48)) as unknown[];
  const perRecord = (entry.length - 48) / records.length;
  return [
    { what: "history answer of 50, JSON", value: bytes(answer.length) },
    { what: "the same, msgpack", value: `${bytes(packed.length)} (${percent(packed.length, answer.length)})` },
    {
      what: `Redis entry of ${records.length} records (STRLEN)`,
      value: `${bytes(entry.length)}, ${Math.round(perRecord)} a record`,
    },
    {
      what: "50 of those records",
      value: `${bytes(Math.round(50 * perRecord))} (${percent(50 * perRecord, answer.length)})`,
    },
    { what: "JSON.parse of the answer", value: micros(() => JSON.parse(answer.toString())) },
    { what: "msgpack decode of the answer", value: micros(() => packr.unpack(packed)) },
    { what: "msgpack decode of the entry's records", value: micros(() => packr.unpackMultiple(entry.subarray(48))) },
    { what: "JSON.stringify of the answer", value: micros(() => JSON.stringify(value)) },
    { what: "msgpack encode of the answer", value: micros(() => packr.pack(value)) },
  ];
}

/** What a frame of about 1 KB takes on the way. */
export function frameSizes(frame: string): Size[] {
  const raw = Buffer.byteLength(frame);
  const packed = gzipSync(frame, { level: 4 }).length;
  return [
    { what: "message frame, JSON", value: bytes(raw) },
    { what: "the same, gzip", value: `${bytes(packed)} (${percent(packed, raw)})` },
    {
      what: "the same, msgpack",
      value: bytes(packr.pack(JSON.parse(frame)).length),
    },
  ];
}

function percent(part: number, whole: number): string {
  return `${Math.round((part / whole) * 100)} %`;
}

function micros(work: () => unknown): string {
  const runs = Array.from({ length: 5 }, () => {
    const started = nowMs();
    for (let i = 0; i < 200; i++) work();
    return ((nowMs() - started) / 200) * 1000;
  });
  return `${median(runs).toFixed(1)} µs`;
}
