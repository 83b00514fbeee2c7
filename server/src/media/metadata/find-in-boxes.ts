import { maxParts, outside, refuseOverlaps, Unclear, type Blank, type Span } from "./blanks.ts";
import { boxesIn, handlerOf, inside, only, type Box, type Boxes } from "./boxes.ts";
import { findItems } from "./items.ts";
import { samplesOf } from "./samples.ts";

const stills = /^(?:hei[cfmsxv]|hev[cmsx]|mif[1-3]|msf1|avi[fs])$/;
/** What lies in a file and tells nothing of its maker. */
const plain = new Set(["ftyp", "styp", "pdin", "mdat", "mfra", "sidx", "ssix", "imda"]);
/** Notes of users and cameras, previews, XMP: readers pass over `free`, which these become. */
const notes = new Set(["udta", "meta", "sefd", "pnot", "uuid"]);
const unused = new Set(["free", "skip", "wide"]);
const dated = new Set(["mvhd", "tkhd", "mdhd"]);

/** @throws Unclear */
export function findInBoxes(bytes: Buffer): Blank[] {
  const file: Boxes = { bytes, blanks: [], left: maxParts };
  findInFile(file, { start: 0, end: bytes.length });
  return file.blanks;
}

function free({ blanks }: Boxes, { type, start, payload, end }: Box): void {
  if (!unused.has(type)) blanks.push({ start: start + 4, end: start + 8, by: "free" });
  if (end > payload) blanks.push({ start: payload, end });
}

function findInFile(file: Boxes, span: Span): void {
  const boxes = boxesIn(file, span);
  const data = boxes.filter(({ type }) => type === "mdat").map((box) => inside(box));
  const has = (...types: string[]): boolean => boxes.some(({ type }) => types.includes(type));
  const brand = boxes[0]?.type === "ftyp" ? file.bytes.toString("latin1", boxes[0].payload, boxes[0].payload + 4) : "";
  const isStill = stills.test(brand);
  const isPicture = (box: Box): boolean => handlerOf(file, boxesIn(file, inside(box, 4))) === "pict";
  for (const box of boxes) {
    if (box.type === "moov") findInMovie(file, box, { data, base: span.start, isCut: has("moof") });
    else if (box.type === "moof") findInTree(file, box);
    else if (box.type === "meta" && isPicture(box)) findItems(file, box, { data, base: span.start });
    else if (box.type === "meta" && isStill) throw new Unclear("no list of pictures");
    // The film of a picture that moves is a file in the file.
    else if (box.type === "mpvd") findInFile(file, inside(box));
    else if (notes.has(box.type) || unused.has(box.type)) free(file, box);
    else if (!plain.has(box.type)) throw new Unclear("unknown box");
  }
  // No list of pictures: nobody can show any of the data.
  if (isStill && !has("meta", "moov", "moof")) {
    for (const { start, end } of data) if (end > start) file.blanks.push({ start, end });
  }
}

interface Media {
  data: Span[];
  base: number;
  /** Whether there are samples that `moov` does not list. */
  isCut: boolean;
}

/** Tracks of notes (places, movements, faces) go with all their samples. */
function findInMovie(file: Boxes, movie: Box, { data, base, isCut }: Media): void {
  const tracks = boxesIn(file, inside(movie)).filter(({ type }) => type === "trak");
  const [told, shown]: [Box[], Box[]] = [[], []];
  for (const track of tracks) {
    const media = only(boxesIn(file, inside(track)), "mdia");
    (handlerOf(file, boxesIn(file, inside(media))) === "meta" ? told : shown).push(track);
  }
  findInTree(file, movie, new Set(told.map(({ start }) => start)));
  if (told.length === 0) return;
  if (isCut) throw new Unclear("notes in fragments");
  const samples = told.flatMap((track) => samplesOf(file, track, base));
  refuseOverlaps(samples, [...shown.flatMap((track) => samplesOf(file, track, base)), ...outside(data)]);
  file.blanks.push(...samples);
}

/** Notes at any depth of a movie, a track or a fragment, and when they were made. @param told where tracks begin that go as a whole */
function findInTree(file: Boxes, parent: Box, told = new Set<number>()): void {
  for (const box of boxesIn(file, inside(parent))) {
    const { type, payload, end } = box;
    if (told.has(box.start)) free(file, box);
    else if (["trak", "mdia", "traf"].includes(type)) findInTree(file, box, told);
    // Other `uuid` in tracks and fragments tell players how to show them.
    else if (unused.has(type) || (notes.has(type) && (type !== "uuid" || parent.type === "moov"))) free(file, box);
    else if (dated.has(type)) {
      const dates = payload + 4 + (file.bytes.readUInt8(payload) === 1 ? 16 : 8);
      if (dates > end) throw new Unclear(type);
      file.blanks.push({ start: payload + 4, end: dates });
    }
  }
}
