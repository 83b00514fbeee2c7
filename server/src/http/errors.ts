import { earlyErrors, errors, type ErrorCode, type Route } from "@om/protocol";
import type { FastifyReply, FastifyRequest } from "fastify";
import { OmError } from "../platform/om-error.ts";
import { DatabaseUnavailable } from "../platform/postgres/database.ts";
import { TooManyAttempts } from "../platform/rate-limit.ts";
import { BodyTooLarge } from "./body.ts";
import { sendJson, sendText } from "./responses.ts";

/**
 * Turns whatever a request ended with into an answer of the closed table. Errors that are not the caller's go to `report`; their
 * text never leaves the process.
 */
export function sendError(
  error: unknown,
  to: { request: FastifyRequest; reply: FastifyReply; route: Route | undefined },
  report: (error: unknown) => void,
): FastifyReply {
  const { reply, route } = to;
  if (error instanceof TooManyAttempts) void reply.header("retry-after", error.retryAfterSeconds);
  if (error instanceof OmError) return sendOmError(error, to);
  // Not the last answer of its connection: a client that is still sending would lose it.
  if (error instanceof BodyTooLarge) return sendText(reply, 413, "Request Entity Too Large");
  const status = statusOf(error);
  // Fastify's own refusals of a malformed request.
  if (status >= 400 && status < 500) return sendOmError(new OmError("invalid_request_body"), to);
  report(error);
  const code: ErrorCode = error instanceof DatabaseUnavailable ? "unavailable" : (route?.failure ?? "internal_error");
  return sendOmError(new OmError(code), to);
}

function sendOmError(
  error: OmError,
  { request, reply, route }: { request: FastifyRequest; reply: FastifyReply; route: Route | undefined },
): FastifyReply {
  if (error.status === 503 && errors[error.code].retry) void reply.header("retry-after", "1");
  if (route?.errors === "text" && !earlyErrors.has(error.code)) {
    return sendJson(reply, error.status, { error: error.message });
  }
  const text = error.status === 500 ? errors.internal_error.text : error.message;
  return sendJson(reply, error.status, { error: text, code: error.code, request_id: request.id });
}

function statusOf(error: unknown): number {
  if (typeof error !== "object" || error === null || !("statusCode" in error)) return 500;
  return typeof error.statusCode === "number" ? error.statusCode : 500;
}
