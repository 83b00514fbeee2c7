import { Unclear, type Blank, type Span } from "./blanks.ts";

/** A box of ISO 14496-12 (MP4, HEIF, and QuickTime where it all began): from `start`, what is in it from `payload`. */
export interface Box extends Span {
  type: string;
  payload: number;
}

/** A file in boxes, and what has been found in it so far. */
export interface Boxes {
  bytes: Buffer;
  blanks: Blank[];
  /** How many boxes and tables' entries may still be looked at. */
  left: number;
}

/** The boxes that lie one behind the other in `span`. @throws Unclear when one is cut off, or leaves the span */
export function boxesIn(file: Boxes, { start, end }: Span): Box[] {
  const { bytes } = file;
  const found: Box[] = [];
  for (let at = start; at < end;) {
    // QuickTime ends some lists with a zero.
    if (end - at === 4 && bytes.readUInt32BE(at) === 0) break;
    if (end - at < 8) throw new Unclear("cut off");
    count(file, 1);
    const type = bytes.toString("latin1", at + 4, at + 8);
    const size = bytes.readUInt32BE(at);
    const payload = at + (size === 1 ? 16 : 8);
    // 0: up to the end of the file.
    const last = size === 0 && end === bytes.length ? end : at + size;
    const next = size === 1 ? at + Number(bytes.readBigUInt64BE(at + 8)) : last;
    if (next < payload || next > end) throw new Unclear("size of a box");
    found.push({ type, start: at, payload, end: next });
    at = next;
  }
  return found;
}

/** What is in a box. @param skip bytes before its first box, such as version and flags */
export const inside = ({ payload, end }: Box, skip = 0): Span => ({ start: payload + skip, end });

export const only = (boxes: Box[], type: string): Box => {
  const found = boxes.filter((box) => box.type === type);
  if (found[0] === undefined || found.length > 1) throw new Unclear(`not one ${type}`);
  return found[0];
};

export function handlerOf({ bytes }: Boxes, boxes: Box[]): string {
  const { payload, end } = only(boxes, "hdlr");
  return bytes.toString("latin1", Math.min(payload + 8, end), Math.min(payload + 12, end));
}

/** @throws Unclear when more is to be looked at than any honest file has */
export function count(file: Boxes, parts: number): void {
  file.left -= parts;
  if (file.left < 0) throw new Unclear("too many parts");
}
