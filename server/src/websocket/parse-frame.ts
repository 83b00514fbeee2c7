import { gunzip, gunzipSync } from "node:zlib";
import { promisify } from "node:util";
import { inboundFrames, limits, type InboundType } from "@om/protocol";
import { FrameRefusal } from "../platform/om-error.ts";
import { schemaCheck } from "../platform/schema-check.ts";

/** A frame that fits its schema. */
export interface ParsedFrame {
  type: InboundType;
  payload: unknown;
}

const checks = new Map(Object.entries(inboundFrames).map(([type, schema]) => [type, schemaCheck(schema)] as const));
const inflate = promisify(gunzip);

/**
 * Reads one inbound frame: a text frame is JSON, a binary frame is one gzip member of JSON.
 * @throws FrameRefusal `invalid_message` or `decompression_failed`
 */
export async function parseFrame(data: Buffer, isBinary: boolean): Promise<ParsedFrame> {
  if (data.length > limits.frameBytes) throw new FrameRefusal("invalid_message", { details: "frame is too large" });
  const text = (isBinary ? await inflated(data) : data).toString("utf8");
  let envelope: unknown;
  try {
    envelope = JSON.parse(text);
  } catch {
    throw new FrameRefusal("invalid_message", { details: "not JSON" });
  }
  if (typeof envelope !== "object" || envelope === null || Array.isArray(envelope)) {
    throw new FrameRefusal("invalid_message", { details: "not an object" });
  }
  const { type, payload } = envelope as { type?: unknown; payload?: unknown };
  const fits = typeof type === "string" ? checks.get(type) : undefined;
  if (fits === undefined) {
    const shown = typeof type === "string" ? type.slice(0, 40) : "";
    throw new FrameRefusal("invalid_message", { details: `unknown message type: ${shown}` });
  }
  if (payload === undefined) {
    throw new FrameRefusal("invalid_message", { details: "unexpected end of JSON input" });
  }
  const value = payload ?? {};
  if (!fits(value)) throw new FrameRefusal("invalid_message", refusedFields(value));
  return { type: type as InboundType, payload: value };
}

/** A refused `chat` is named, so that its sender can stop sending it again. */
function refusedFields(payload: unknown): { details: string; clientId?: string } {
  const clientId: unknown = (payload as { client_id?: unknown }).client_id;
  return {
    details: "a field of the payload has the wrong type",
    ...(typeof clientId === "string" && clientId.length <= limits.clientIdChars ? { clientId } : {}),
  };
}

async function inflated(data: Buffer): Promise<Buffer> {
  const options = { maxOutputLength: limits.inflatedBytes };
  try {
    return data.length <= 4096 ? gunzipSync(data, options) : await inflate(data, options);
  } catch {
    throw new FrameRefusal("decompression_failed", { details: "not gzip, or larger than allowed when inflated" });
  }
}
