import fc from "fast-check";
import { pack } from "msgpackr";
import { expect, test } from "vitest";
import { decodeEvent, encodeEvent, ownEvents } from "./event-bytes.ts";
import { Frame, type Push, type SessionEnd } from "./push.ts";

const node = "2e0f9a52-7a6e-4b7e-9c33-6f0f1f6b8f10";
const id = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const push: fc.Arbitrary<Push> = fc.record(
  {
    userIds: fc.array(id, { maxLength: 40 }),
    frame: fc.string({ unit: "grapheme", maxLength: 300 }).map((text) => new Frame(JSON.stringify(text))),
    to: fc.constantFrom("all", "resuming"),
    except: fc.uuid(),
    message: fc.record({ conversationId: id, seq: id, id }),
    ordered: fc.constant(true),
  },
  { requiredKeys: ["userIds", "frame", "to"] },
);
const end: fc.Arbitrary<SessionEnd> = fc.record({
  userId: id,
  ended: fc.oneof(fc.record({ sessionId: id }), fc.record({ allBut: fc.option(id, { nil: undefined }) })),
  sessionIds: fc.array(id),
});

/** A frame's text for the frame, whose bytes are made when they are needed. */
function plain(event: Push | SessionEnd | undefined): unknown {
  return event === undefined || "ended" in event ? event : { ...event, frame: event.frame.text };
}

test("every event comes out as it went in, and only its own node takes it for its own", () => {
  fc.assert(
    fc.property(fc.oneof(push, end), (event) => {
      const payload = encodeEvent(node, event);
      expect(plain(decodeEvent(payload))).toEqual(plain(event));
      expect(ownEvents(node)(payload)).toBe(true);
      expect(ownEvents(node.replace("2", "3"))(payload)).toBe(false);
    }),
  );
});

const good = [node, 1, [7], "{}", false, null, null, false];
const goodEnd = [node, 2, 7, 4, [4]];
const changed = (from: unknown[], at: number, to: unknown): unknown[] => from.with(at, to);

test("the good ones of the next test are good", () => {
  expect([decodeEvent(pack(good)), decodeEvent(pack(goodEnd))]).not.toContain(undefined);
});

test.each([
  ["nothing", undefined],
  ["a number", 7],
  ["an object", { userIds: [7] }],
  ["no node", changed(good, 0, 1)],
  ["an unknown kind", changed(good, 1, 9)],
  ["too short", good.slice(0, 7)],
  ["too long", [...good, 1]],
  ["users that are no list", changed(good, 2, 7)],
  ["a user that is no number", changed(good, 2, ["7"])],
  ["a user that is no id", changed(good, 2, [0.5])],
  ["a frame that is no text", changed(good, 3, { type: "message" })],
  ["an audience that is no yes or no", changed(good, 4, "all")],
  ["a socket that is no text", changed(good, 5, 4)],
  ["half an order", changed(good, 6, [1, 2])],
  ["an order of texts", changed(good, 6, ["1", "2", "3"])],
  ["an order that is no yes or no", changed(good, 7, null)],
  ["the end of no session", changed(goodEnd, 3, null)],
  ["the end of a session of nobody", changed(goodEnd, 2, null)],
  ["an end without its sessions", goodEnd.slice(0, 4)],
  ["sessions that are no ids", changed(goodEnd, 4, ["4"])],
  ["all but a text", changed(changed(goodEnd, 1, 3), 3, "4")],
])("no event: %s", (_what, value) => {
  expect(decodeEvent(pack(value))).toBeUndefined();
});

test("whatever bytes come, there is an event or none, and never an error", () => {
  const mutated = fc
    .tuple(push, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }))
    .map(([event, changes]) => {
      const payload = Buffer.from(encodeEvent(node, event));
      for (const [at, byte] of changes) payload[at % payload.length] = byte;
      return payload;
    });
  const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
  fc.assert(fc.property(fc.oneof(bytes, mutated), (payload) => void decodeEvent(payload)));
  for (const byte of [0x91, 0x81, 0xdd, 0xdf, 0xc9, 0xff]) {
    expect(decodeEvent(Buffer.alloc(1_000_000, byte))).toBeUndefined();
  }
});
