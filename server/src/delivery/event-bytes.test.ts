import fc from "fast-check";
import { pack } from "msgpackr";
import { expect, test } from "vitest";
import { createEncoder, createSigner, decodeEvents } from "./event-bytes.ts";
import { Frame, type Push, type SessionEnd } from "./push.ts";

const node = "2e0f9a52-7a6e-4b7e-9c33-6f0f1f6b8f10";
const signer = createSigner(["a secret of the tests, long enough"]);
const encodeEvents = (by: string, events: readonly (Push | SessionEnd)[], maxBytes: number) =>
  createEncoder(by, signer).encode(events, maxBytes);
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
  ended: fc.oneof(fc.record({ sessionId: id }), fc.record({ exceptSessionId: fc.option(id, { nil: undefined }) })),
  sessionIds: fc.array(id),
});

/** A frame's text for the frame, whose bytes are made when they are needed. */
function plain(event: Push | SessionEnd | undefined): unknown {
  return event === undefined || "ended" in event ? event : { ...event, frame: event.frame.text };
}

test("events come out as they went in, in few payloads that are not too large, and only their own node takes them for its own", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(push, end), { maxLength: 20 }), (events) => {
      const payloads = encodeEvents(node, events, 1_000);
      const decoded = payloads.map(({ payload }) => decodeEvents(payload));
      expect(decoded.flatMap((one) => one.events).map(plain)).toEqual(events.map(plain));
      expect(decoded.map(({ number }) => number)).toEqual(payloads.map((_payload, i) => i + 1));
      for (const [index, { payload, events: within }] of payloads.entries()) {
        expect(decodeEvents(payload)).toMatchObject({ node, events: { length: within.length } });
        expect(payload.length <= 1_000 || within.length === 1).toBe(true);
        const next = payloads[index + 1]?.payload;
        if (next !== undefined) expect(payload.length + next.length).toBeGreaterThan(1_000);
        expect(createEncoder(node, signer).isOwn(payload)).toBe(true);
        expect(createEncoder(node.replace("2", "3"), signer).isOwn(payload)).toBe(false);
        expect(signer.isSigned(payload)).toBe(true);
      }
    }),
  );
});

test("what is signed with another key, changed, cut or not signed at all is a stranger's, and a second key counts too", () => {
  const event: SessionEnd = { userId: 7, ended: { sessionId: 4 } };
  const payload = encodeEvents(node, [event], 1_000)[0]?.payload ?? Buffer.alloc(0);
  const changing = createSigner(["the key after the change", "a secret of the tests, long enough"]);
  expect([signer.isSigned(payload), changing.isSigned(payload)]).toEqual([true, true]);
  expect(createSigner(["another secret of some length"]).isSigned(payload)).toBe(false);
  for (let at = 0; at < payload.length; at += 1) {
    const changed = Buffer.from(payload);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(signer.isSigned(changed)).toBe(false);
    expect(signer.isSigned(payload.subarray(0, at))).toBe(false);
  }
});

const good = [1, [7], "{}", false, null, null, false];
const goodEnd = [2, 7, 4, [4]];
/** Signed with nothing. */
const of = (...values: unknown[]): Buffer =>
  Buffer.concat([Buffer.alloc(16), ...values.map((value) => Buffer.from(pack(value)))]);
const changed = (from: unknown[], at: number, to: unknown): unknown[] => from.with(at, to);

test("the good ones of the next test are good", () => {
  expect(decodeEvents(of(node, 1, good, goodEnd)).events).not.toContain(undefined);
});

test.each([
  ["nothing", undefined],
  ["a number", 7],
  ["an object", { userIds: [7] }],
  ["an unknown kind", changed(good, 0, 9)],
  ["too short", good.slice(0, 6)],
  ["too long", [...good, 1]],
  ["users that are no list", changed(good, 1, 7)],
  ["a user that is no number", changed(good, 1, ["7"])],
  ["a user that is no id", changed(good, 1, [0.5])],
  ["a frame that is no text", changed(good, 2, { type: "message" })],
  ["an audience that is no yes or no", changed(good, 3, "all")],
  ["a socket that is no text", changed(good, 4, 4)],
  ["half an order", changed(good, 5, [1, 2])],
  ["an order of texts", changed(good, 5, ["1", "2", "3"])],
  ["an order that is no yes or no", changed(good, 6, null)],
  ["the end of no session", changed(goodEnd, 2, null)],
  ["the end of a session of nobody", changed(goodEnd, 1, null)],
  ["an end without its sessions", goodEnd.slice(0, 3)],
  ["sessions that are no ids", changed(goodEnd, 3, ["4"])],
  ["all but a text", changed(changed(goodEnd, 0, 3), 2, "4")],
])("no event: %s", (_what, value) => {
  expect(decodeEvents(of(node, 1, value, goodEnd)).events).toEqual([undefined, expect.anything()]);
});

test.each([
  ["nothing at all", of()],
  ["no node", of(1, 1, good)],
  ["no number", of(node, good)],
  ["no events", of(node, 1)],
  ["half an event", of(node, 1, good).subarray(0, -1)],
])("no payload: %s", (_what, payload) => {
  expect(decodeEvents(payload).events).toEqual([undefined]);
});

test("whatever bytes come, there is an event or none, and never an error", () => {
  const mutated = fc
    .tuple(push, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }))
    .map(([event, changes]) => {
      const payload = Buffer.from(encodeEvents(node, [event], 1)[0]?.payload ?? []);
      for (const [at, byte] of changes) payload[at % payload.length] = byte;
      return payload;
    });
  const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
  fc.assert(fc.property(fc.oneof(bytes, mutated), (payload) => void decodeEvents(payload)));
  for (const byte of [0x91, 0x81, 0xdd, 0xdf, 0xc9, 0xff]) {
    expect(decodeEvents(Buffer.alloc(1_000_000, byte)).events).toEqual([undefined]);
  }
});
