import fc from "fast-check";
import type { Content } from "./inputs.ts";

const base64 = (text: string): string => Buffer.from(text, "base64").toString("latin1");
const be32 = (value: number): string =>
  String.fromCodePoint((value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);

/** Small files whose form is right, to be broken afterwards; characters are bytes. */
const files: readonly string[] = [
  base64("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="),
  base64("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"),
  base64("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=="),
  base64(
    "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////////////////////////////wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA=",
  ),
  // A PNG that claims 60,000 × 60,000.
  `\x89PNG\r\n\x1a\n\0\0\0\rIHDR${be32(60_000)}${be32(60_000)}\b\x02\0\0\0\0\0\0\0\0\0\0\x10IDATx\x9c${"\0".repeat(14)}\0\0\0\0IEND\xaeB\x60\x82`,
  `${be32(24)}ftypheic\0\0\0\0mif1heic${be32(40)}meta\0\0\0\0${be32(28)}iinf${"\0".repeat(20)}`,
  `${be32(24)}ftypavif\0\0\0\0mif1avif${be32(0xffff_fff0)}meta\0\0\0\0`,
  `${be32(20)}ftypisom\0\0\0\0isom${be32(8)}free${be32(16)}moov${be32(8)}udta${be32(1)}mdat${"\xff".repeat(8)}`,
  `${be32(20)}ftypqt  \0\0\0\0qt  ${be32(0)}moov`,
  "II*\0\x08\0\0\0\x01\0\x25\x88\x04\0\x01\0\0\0\x08\0\0\0\x08\0\0\0",
  "%PDF-1.4\n1 0 obj<</Type/Catalog/Metadata 1 0 R>>endobj\ntrailer<</Root 1 0 R/Prev 9>>\nstartxref\n9\n%%EOF",
  "<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>",
  "ID3\x04\0\0\x7f\x7f\x7f\x7f",
  "OggS\0\x02",
  "RIFF\xff\xff\xff\xffWEBPVP8X\x0a\0\0\0\x02\0\0\0\xff\xff\xff\xff\xff\xff",
  "",
];

/** One of the files with some bytes changed, taken away or repeated. */
const brokenFile = fc
  .tuple(
    fc.constantFrom(...files),
    fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 }),
    fc.option(fc.nat()),
    fc.constantFrom(0, 0, 0, 3, 20_000),
  )
  .map(([file, changes, end, times]) => {
    const bytes = file.split("");
    for (const [at, byte] of changes) if (bytes.length > 0) bytes[at % bytes.length] = String.fromCodePoint(byte);
    const text = bytes.slice(0, end === null ? undefined : end % (bytes.length + 1)).join("");
    return text + text.slice(-20).repeat(times);
  });

const usual = "a-boundary-of-the-fuzzer";
const names = fc.constantFrom("a.png", "", "../../a", "a\0b", "ü.jpg", '"', "x".repeat(400), "a.php", "con", "%00");

/** A multipart body with a file in `field`, or nearly one. */
export function uploadBody(field: string): fc.Arbitrary<{ body: Content; headers: [string, string][] }> {
  const part = fc.record({
    name: fc.oneof({ weight: 9, arbitrary: fc.constant(field) }, { weight: 1, arbitrary: names }),
    filename: fc.option(names, { nil: undefined, freq: 9 }),
    type: fc.constantFrom("image/png", "image/heic", "application/octet-stream", "text/html", "", "x"),
    data: brokenFile,
    line: fc.oneof(
      { weight: 15, arbitrary: fc.constant("\r\n") },
      { weight: 1, arbitrary: fc.constantFrom("\n", "\r", "") },
    ),
  });
  return fc
    .record({
      parts: fc.oneof(
        { weight: 6, arbitrary: part.map((one) => [one]) },
        { weight: 1, arbitrary: fc.array(part, { maxLength: 12 }) },
      ),
      end: fc.oneof(
        { weight: 9, arbitrary: fc.constant(`--${usual}--\r\n`) },
        { weight: 1, arbitrary: fc.constantFrom("", "--", `--${usual}`, `--${usual}\r\n`.repeat(2_000)) },
      ),
      boundary: fc.oneof(
        { weight: 9, arbitrary: fc.constant(usual) },
        { weight: 1, arbitrary: fc.constantFrom("", "x", '"', "a".repeat(100)) },
      ),
    })
    .map(({ parts, end, boundary }) => {
      const texts = parts.map(({ name, filename, type, data, line }) => {
        const file = filename === undefined ? "" : `; filename="${filename}"${line}content-type: ${type}`;
        return `--${usual}${line}content-disposition: form-data; name="${name}"${file}${line}${line}${data}\r\n`;
      });
      return {
        body: { text: texts.join("") + end, as: "latin1" as const },
        headers: [["content-type", `multipart/form-data; boundary=${boundary}`]],
      };
    });
}
