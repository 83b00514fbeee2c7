import { Unclear, type Span } from "./blanks.ts";
import { boxesIn, count, inside, only, type Box, type Boxes } from "./boxes.ts";

/** Where the samples of a track lie, a span for each chunk. @param base what offsets count from. @throws Unclear */
export function samplesOf(file: Boxes, track: Box, base: number): Span[] {
  const { bytes } = file;
  const media = only(boxesIn(file, inside(track)), "mdia");
  const table = boxesIn(file, inside(only(boxesIn(file, inside(only(boxesIn(file, inside(media)), "minf"))), "stbl")));
  const sizes = only(table, "stsz");
  const runs = entries(bytes, only(table, "stsc"), { skip: 4, width: 12 });
  const isLong = table.some(({ type }) => type === "co64");
  const chunks = entries(bytes, only(table, isLong ? "co64" : "stco"), { skip: 4, width: isLong ? 8 : 4 });
  const [same, all] = [bytes.readUInt32BE(sizes.payload + 4), bytes.readUInt32BE(sizes.payload + 8)];
  const each = same === 0 ? entries(bytes, sizes, { skip: 8, width: 4 }) : undefined;

  count(file, chunks.count);
  const spans: Span[] = [];
  let [run, sample] = [0, 0];
  for (let chunk = 0; chunk < chunks.count; chunk++) {
    const at = chunks.at(chunk);
    const start = base + (isLong ? Number(bytes.readBigUInt64BE(at)) : bytes.readUInt32BE(at));
    while (run + 1 < runs.count && bytes.readUInt32BE(runs.at(run + 1)) <= chunk + 1) run++;
    const next = Math.min(all, sample + bytes.readUInt32BE(runs.at(run) + 4));
    let end = start + same * (next - sample);
    if (each !== undefined) for (let i = sample; i < next; i++) end += bytes.readUInt32BE(each.at(i));
    sample = next;
    spans.push({ start, end });
  }
  if (sample !== all) throw new Unclear("samples without a chunk");
  return spans.filter(({ start, end }) => end > start);
}

/** A table of a box: its count, `skip` bytes behind its beginning, then entries of `width` bytes each. @throws Unclear */
function entries(bytes: Buffer, { payload, end }: Box, { skip, width }: { skip: number; width: number }) {
  const first = payload + skip + 4;
  if (first > end) throw new Unclear("table");
  const count = bytes.readUInt32BE(first - 4);
  if (first + count * width > end) throw new Unclear("table");
  return {
    count,
    at(index: number): number {
      if (index >= count) throw new Unclear("entry");
      return first + index * width;
    },
  };
}
