import { inboundFrames } from "@om/protocol";
import fc from "fast-check";
import { bodyText, oddText, type Schema } from "./arbitrary-json.ts";
import { credentials } from "./arbitrary-http.ts";
import type { Content, Frame, SocketInput } from "./inputs.ts";

const share = fc.double({ min: 0, max: 1, noNaN: true });

const frameText = fc.constantFrom(...Object.entries(inboundFrames)).chain(([type, payload]) =>
  fc.oneof(
    { weight: 9, arbitrary: bodyText(payload as Schema).map((text) => `{"type":"${type}","payload":${text}}`) },
    {
      weight: 1,
      arbitrary: bodyText({ type: "object", properties: { type: { type: "string" }, payload: payload as Schema } }),
    },
  ),
);

const content: fc.Arbitrary<Content> = fc.oneof(
  { weight: 6, arbitrary: frameText.map((text) => ({ text })) },
  {
    weight: 3,
    arbitrary: fc.record({
      text: frameText,
      pack: fc.constantFrom("gzip" as const, "gzip" as const, "deflate" as const, "gzip twice" as const),
      keep: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: share }),
    }),
  },
  // What inflates to far more than it is.
  {
    weight: 1,
    arbitrary: fc.nat({ max: 6_000_000 }).map((length) => ({ text: " ".repeat(length), pack: "gzip" as const })),
  },
  { weight: 1, arbitrary: oddText.map((text) => ({ text, as: "latin1" as const })) },
);

const usual = { fin: true, rsv: 0, masked: true };
const wellFormed: fc.Arbitrary<Frame[]> = content.map((content) => [
  { ...usual, opcode: content.pack === undefined ? 1 : 2, content },
]);
/** One message in pieces, with control frames between them. */
const inPieces: fc.Arbitrary<Frame[]> = fc
  .tuple(frameText, fc.integer({ min: 2, max: 9 }), fc.boolean())
  .map(([text, count, pings]) => {
    const size = Math.ceil(text.length / count);
    return Array.from({ length: count }, (_, i): Frame[] => [
      {
        ...usual,
        opcode: i === 0 ? 1 : 0,
        fin: i === count - 1,
        content: { text: text.slice(i * size, (i + 1) * size) },
      },
      ...(pings ? [{ ...usual, opcode: 9, content: { text: "x".repeat(i) } }] : []),
    ]).flat();
  });
const malformed: fc.Arbitrary<Frame[]> = fc
  .record({
    opcode: fc.nat({ max: 15 }),
    fin: fc.boolean(),
    rsv: fc.constantFrom(0, 0, 1, 2, 4, 7),
    masked: fc.constantFrom(true, true, true, false),
    content,
    claims: fc.option(fc.constantFrom(0, 1, 125, 126, 65_535, 65_536, 2 ** 31, 2 ** 53 - 1), {
      nil: undefined,
      freq: 2,
    }),
  })
  .map(({ claims, ...frame }) => [claims === undefined ? frame : { ...frame, claims }]);

/** A socket from its upgrade to its end. */
export const socketInput: fc.Arbitrary<SocketInput> = fc
  .record({
    credentials,
    query: fc.constantFrom("", "&gzip=1", "&resume=1", "&gzip=1&resume=1", "&gzip=2", "&token=x", "&%00"),
    frames: fc.array(
      fc.oneof(
        { weight: 8, arbitrary: wellFormed },
        { weight: 1, arbitrary: inPieces },
        { weight: 1, arbitrary: malformed },
      ),
      { minLength: 1, maxLength: 12 },
    ),
    end: fc.constantFrom(
      "answered" as const,
      "answered" as const,
      "answered" as const,
      "closed" as const,
      "cut" as const,
    ),
  })
  .map(({ credentials, frames, ...rest }) => ({
    kind: "socket" as const,
    ...credentials,
    ...rest,
    frames: frames.flat(),
  }));
