import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";

/** Bytes as plain data, so that an input can be printed and kept. */
export interface Content {
  text: string;
  /** latin1: each character is a byte. Default: utf8. */
  as?: "latin1" | "utf8";
  pack?: "gzip" | "deflate" | "br" | "gzip twice";
  /** How much of it is there, from 0 to 1. Default: all. */
  keep?: number;
}

/** Who asks, and by what: `as` is the place of one of the people; `broken`: a token that is none. */
export interface Credentials {
  as: number;
  by: "bearer" | "cookie" | "nothing" | "broken";
}

export interface HttpInput extends Credentials {
  kind: "http";
  method: string;
  target: string;
  headers: readonly (readonly [string, string])[];
  body?: Content;
  /** How the body's length is told: rightly, in chunks, not at all, or as this. */
  length: "right" | "chunks" | "none" | number;
  /** How much of the request is sent before the line is torn, from 0 to 1. */
  sent: number;
}

export interface Frame {
  opcode: number;
  fin: boolean;
  rsv: number;
  masked: boolean;
  content: Content;
  /** The length that it claims, if it is not its own. */
  claims?: number;
}

export interface SocketInput extends Credentials {
  kind: "socket";
  query: string;
  frames: readonly Frame[];
  /** cut: the line is torn within the last frame. */
  end: "answered" | "closed" | "cut";
}

export type Input = HttpInput | SocketInput;

export function bytesOf({ text, as = "utf8", pack, keep = 1 }: Content): Buffer {
  const plain = Buffer.from(text, as);
  const packed = {
    gzip: () => gzipSync(plain),
    deflate: () => deflateSync(plain),
    br: () => brotliCompressSync(plain),
    "gzip twice": () => gzipSync(gzipSync(plain)),
  };
  const bytes = pack === undefined ? plain : packed[pack]();
  return bytes.subarray(0, Math.ceil(bytes.length * keep));
}

/** As RFC 6455 has it, or as little as is asked for. */
export function frameBytes({ opcode, fin, rsv, masked, content, claims }: Frame): Buffer {
  const data = bytesOf(content);
  const length = claims ?? data.length;
  const head = [(fin ? 0x80 : 0) | (rsv << 4) | opcode];
  const mask = masked ? 0x80 : 0;
  if (length < 126) head.push(mask | length);
  else if (length < 65_536) head.push(mask | 126, length >> 8, length & 255);
  else {
    const long = Buffer.alloc(8);
    long.writeBigUInt64BE(BigInt(length));
    head.push(mask | 127, ...long);
  }
  // The mask is zero, which leaves the data as they are.
  return Buffer.concat([Buffer.from(head), Buffer.alloc(masked ? 4 : 0), data]);
}
