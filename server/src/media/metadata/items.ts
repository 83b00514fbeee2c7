import { outside, refuseOverlaps, Unclear, type Span } from "./blanks.ts";
import { boxesIn, count, inside, only, type Box, type Boxes } from "./boxes.ts";

/** EXIF and XMP among the items of a HEIF picture: their bytes become zeros, the list of items stays. @throws Unclear */
export function findItems(file: Boxes, meta: Box, { data, base }: { data: Span[]; base: number }): void {
  const boxes = boxesIn(file, inside(meta, 4));
  if (!boxes.some(({ type }) => type === "iloc")) throw new Unclear("no places");
  const idat = boxes.filter(({ type }) => type === "idat").map((box) => inside(box));
  const told = notesAmong(file, only(boxes, "iinf"));
  const [blank, needed]: [Span[], Span[]] = [[], []];
  for (const { id, method, spans } of places(file.bytes, only(boxes, "iloc"))) {
    if (method > 1 || (method === 1 && idat[0] === undefined)) throw new Unclear("items made of items");
    const offset = method === 1 && idat[0] !== undefined ? idat[0].start : base;
    count(file, 1 + spans.length);
    const moved = spans.map(({ start, end }) => ({ start: start + offset, end: end + offset }));
    (told.has(id) ? blank : needed).push(...moved);
  }
  refuseOverlaps(blank, [...needed, ...outside([...data, ...idat])]);
  file.blanks.push(...blank);
}

/** The ids of items that are no pictures. `mime` is XMP. */
function notesAmong(file: Boxes, iinf: Box): Set<number> {
  const { bytes } = file;
  const ids = new Set<number>();
  for (const { type, payload } of boxesIn(file, inside(iinf, bytes.readUInt8(iinf.payload) === 0 ? 6 : 8))) {
    const version = bytes.readUInt8(payload);
    if (type !== "infe" || version < 2) throw new Unclear("unknown items");
    const at = payload + 4;
    const [id, rest] = version === 2 ? [bytes.readUInt16BE(at), at + 4] : [bytes.readUInt32BE(at), at + 6];
    if (["Exif", "mime"].includes(bytes.toString("latin1", rest, rest + 4))) ids.add(id);
  }
  return ids;
}

interface Place {
  id: number;
  /** 0: spans are of the file; 1: of `idat`; else: of other items. */
  method: number;
  spans: Span[];
}

function* places(bytes: Buffer, iloc: Box): Generator<Place> {
  let at = iloc.payload + 4;
  /** The next number, of 0 to 8 bytes. */
  const read = (size: number): number => {
    if (at + size > iloc.end) throw new Unclear("places");
    let value = 0;
    for (const end = at + size; at < end; at++) value = value * 256 + bytes.readUInt8(at);
    return value;
  };
  const version = bytes.readUInt8(iloc.payload);
  if (version > 2) throw new Unclear("places of another version");
  const widths = read(2);
  const [offsets, lengths, bases, indexes] = [widths >> 12, (widths >> 8) & 15, (widths >> 4) & 15, widths & 15];
  for (let count = read(version < 2 ? 2 : 4); count > 0; count--) {
    const id = read(version < 2 ? 2 : 4);
    const method = version === 0 ? 0 : read(2) & 15;
    if (read(2) !== 0) throw new Unclear("data elsewhere");
    const base = read(bases);
    const spans: Span[] = [];
    for (let extents = read(2); extents > 0; extents--) {
      if (version > 0) read(indexes);
      const start = base + read(offsets);
      const length = read(lengths);
      // All of the file, by the standard.
      if (length === 0) throw new Unclear("no length");
      spans.push({ start, end: start + length });
    }
    yield { id, method, spans };
  }
}
