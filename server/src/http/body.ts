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
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    throw new OmError("invalid_request_body");
  }
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
