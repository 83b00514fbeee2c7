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
/** Up to here a frame is inflated at once, in bytes: handing it to another thread would take longer. */
const inflatedHereBytes = 8 * 1024;

/** How long the JSON of a frame is, in bytes; a gzip member says so in its last four (RFC 1952), and is not inflated further than that. */
export function jsonBytes(data: Buffer, isBinary: boolean): number {
  if (!isBinary) return data.length;
  return data.length < 18 ? 0 : data.readUInt32LE(data.length - 4);
}

/**
 * Reads one inbound frame: a text frame is JSON, a binary frame is one gzip member of JSON.
 * @param maxBytes of its JSON, if it is no `sync`
 * @throws FrameRefusal `invalid_message`, `message_too_long` or `decompression_failed`
 */
export async function parseFrame(data: Buffer, isBinary: boolean, maxBytes: number): Promise<ParsedFrame> {
  const json = isBinary ? await inflated(data, Math.max(maxBytes, limits.syncFrameBytes)) : data;
  if (json.length > maxBytes) refuseUnlessSync(json);
  const text = json.toString("utf8");
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

/** A `chat` that is too large to be parsed is named too. */
function refuseUnlessSync(json: Buffer): void {
  const head = json.toString("latin1", 0, 512);
  const [, type] = /^\s*\{\s*"type"\s*:\s*"(\w+)"/.exec(head) ?? [];
  if (type === "sync" && json.length <= limits.syncFrameBytes) return;
  const clientId = /"client_id"\s*:\s*"([\w-]{1,36})"/.exec(head)?.[1];
  throw new FrameRefusal(type === "chat" ? "message_too_long" : "invalid_message", {
    details: "frame is too large",
    ...(clientId === undefined ? {} : { clientId }),
  });
}

async function inflated(data: Buffer, maxBytes: number): Promise<Buffer> {
  const size = jsonBytes(data, true);
  try {
    if (size === 0 || size > maxBytes) throw new RangeError();
    const options = { maxOutputLength: size };
    return size <= inflatedHereBytes ? gunzipSync(data, options) : await inflate(data, options);
  } catch {
    throw new FrameRefusal("decompression_failed", { details: "not gzip, or larger than allowed when inflated" });
  }
}
