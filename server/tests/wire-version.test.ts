import { createHash } from "node:crypto";
import * as protocol from "@om/protocol";
import { expect, test } from "vitest";

const prose = new Set(["summary", "description"]);

test("whoever changes the wire raises its version", () => {
  const { routes, inboundFrames, OutboundFrame, errors, frameErrors, closeCodes, limits, wsQuery } = protocol;
  const parts = { routes, inboundFrames, OutboundFrame, errors, frameErrors, closeCodes, limits, wsQuery };
  // What is only said about the wire may be said better without changing it.
  const wire = JSON.stringify(parts, (key, value: unknown) => (prose.has(key) ? undefined : value));
  const hash = createHash("sha256").update(wire).digest("hex").slice(0, 16);
  // After a deliberate change: raise protocolVersion, and put the new hash here.
  expect([protocol.protocolVersion, hash]).toEqual([6, "59627d2a71f2194d"]);
});
