import type { IncomingHttpHeaders } from "node:http";
import type { TSchema } from "typebox";
import { OmError } from "../platform/om-error.ts";
import { schemaCheck } from "../platform/schema-check.ts";

/** Reads a request body: JSON only, the whole body `null` counts as `{}`. @throws OmError `invalid_request_body` */
export type ParseBody = (bytes: unknown, headers: IncomingHttpHeaders) => unknown;

export function createBodyParser(schema: TSchema | undefined): ParseBody {
  if (schema === undefined) return () => undefined;
  const fits = schemaCheck(schema);
  return (bytes, headers) => {
    const [type = ""] = (headers["content-type"] ?? "").split(";");
    const coded = headers["content-encoding"] !== undefined && headers["content-encoding"] !== "identity";
    if (!/json$/i.test(type.trim()) || coded || !Buffer.isBuffer(bytes)) throw new OmError("invalid_request_body");
    const value = parse(bytes) ?? {};
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
