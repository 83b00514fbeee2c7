import { createHash } from "node:crypto";
import * as protocol from "@om/protocol";
import { expect, test } from "vitest";

/** What is only said about the wire may be said better without changing it, and keys may stand in any order. */
const prose = new Set(["summary", "description"]);

function inOrder(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

test("whoever changes the wire raises its version", () => {
  const { routes, inboundFrames, OutboundFrame, errors, frameErrors, closeCodes, limits, wsQuery } = protocol;
  const parts = { routes, inboundFrames, OutboundFrame, errors, frameErrors, closeCodes, limits, wsQuery };
  const wire = JSON.stringify(parts, (key, value: unknown) => (prose.has(key) ? undefined : inOrder(value)));
  const hash = createHash("sha256").update(wire).digest("hex").slice(0, 16);
  // After a deliberate change: raise protocolVersion, and put the new hash here.
  expect([protocol.protocolVersion, hash]).toEqual([10, "202af0665714b015"]);
});
