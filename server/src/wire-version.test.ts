import { createHash } from "node:crypto";
import * as protocol from "@om/protocol";
import { expect, test } from "vitest";

test("whoever changes the wire raises its version", () => {
  const { routes, inboundFrames, OutboundFrame, errors, frameErrors, closeCodes, limits, wsQuery } = protocol;
  const wire = JSON.stringify({
    routes,
    inboundFrames,
    OutboundFrame,
    errors,
    frameErrors,
    closeCodes,
    limits,
    wsQuery,
  });
  const hash = createHash("sha256").update(wire).digest("hex").slice(0, 16);
  // After a deliberate change: raise protocolVersion, and put the new hash here.
  expect([protocol.protocolVersion, hash]).toEqual([5, "a011dd2ed728485f"]);
});
