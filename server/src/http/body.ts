import type { IncomingMessage, ServerResponse } from "node:http";
import { limits, maxBodyBytes, type Route } from "@om/protocol";
import { OmError } from "../platform/om-error.ts";
import { schemaCheck } from "../platform/schema-check.ts";
import type { Transfers } from "./transfers.ts";

/** The body is larger than its route takes: 413. */
export class BodyTooLarge extends Error {}

/** A request whose body has not been touched. */
export interface Unread {
  raw: IncomingMessage;
  response: ServerResponse;
  /** Who answers for the memory that it takes. */
  owner: string;
  contentType: string;
}

/** The largest body of a route here, in bytes; undefined: it reads none. */
export function bodyLimit(route: Route, { maxMessageLength }: { maxMessageLength: number }): number | undefined {
  const bytes = maxBodyBytes(route);
  // A character has 12 bytes when both its halves are escaped.
  return bytes === limits.messageBodyBytes ? Math.max(bytes, 12 * maxMessageLength + 8192) : bytes;
}

/** Reads JSON; the whole body `null` counts as `{}`. @throws BodyTooLarge, OmError `invalid_request_body`, those of `readBytes` */
export type ReadBody = (request: Unread) => Promise<unknown>;

export function createBodyReader({ body: schema }: Route, maxBytes: number, transfers: Transfers): ReadBody {
  if (schema === undefined) return () => Promise.resolve(undefined);
  const fits = schemaCheck(schema);
  return async (request) => {
    const [type = ""] = request.contentType.split(";");
    const coding = request.raw.headers["content-encoding"] ?? "identity";
    if (!/json$/i.test(type.trim()) || coding !== "identity") throw new OmError("invalid_request_body");
    const value = parse(await readBytes(request, maxBytes, transfers)) ?? {};
    if (!fits(value)) throw new OmError("invalid_request_body");
    return value;
  };
}

function parse(bytes: Buffer): unknown {
  if (isDeep(bytes)) throw new OmError("invalid_request_body");
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    throw new OmError("invalid_request_body");
  }
}

/** Whether brackets stand within brackets, deeper than any of our bodies: slow to parse, and never meant. */
function isDeep(bytes: Buffer): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < bytes.length && depth <= 16; at += 1) {
    const byte = bytes[at];
    if (byte === 0x22) inString = !inString;
    else if (inString) at += byte === 0x5c ? 1 : 0;
    else if (byte === 0x5b || byte === 0x7b) depth += 1;
    else if (byte === 0x5d || byte === 0x7d) depth -= 1;
  }
  return depth > 16;
}

/** @throws BodyTooLarge, OmError `request_too_slow`, `unavailable` when too much is under way, `invalid_request_body` when it breaks off */
function readBytes({ raw, response, owner }: Unread, maxBytes: number, transfers: Transfers): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const hold = transfers.hold(owner, response);
  let bytes = 0;
  return new Promise<Buffer>((resolve, reject) => {
    const stop = transfers.receiving(raw, () => refuse(new OmError("request_too_slow")));
    const refuse = (error: Error): void => {
      stop();
      // What still comes is dropped.
      raw.off("data", take).resume();
      reject(error);
    };
    const take = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > maxBytes) refuse(new BodyTooLarge());
      else if (hold(chunk.length)) chunks.push(chunk);
      else refuse(new OmError("unavailable"));
    };
    const breakOff = (): void => refuse(new OmError("invalid_request_body"));
    if (raw.readableAborted) return breakOff();
    raw.on("data", take).once("error", breakOff).once("close", breakOff);
    raw.once("end", () => {
      stop();
      resolve(Buffer.concat(chunks, bytes));
    });
  });
}
