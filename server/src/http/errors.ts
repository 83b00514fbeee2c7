import { errors, type ErrorCode, type Route } from "@om/protocol";
import type { FastifyReply, FastifyRequest } from "fastify";
import { OmError } from "../platform/om-error.ts";
import { DatabaseUnavailable } from "../platform/postgres/database.ts";

/** Sends any JSON value without a charset, as the contract has it. */
export function sendJson(reply: FastifyReply, status: number, value: unknown): FastifyReply {
  return reply
    .code(status)
    .header("content-type", "application/json")
    .send(Buffer.from(JSON.stringify(value)));
}

export function sendText(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.code(status).header("content-type", "text/plain; charset=utf-8").send(Buffer.from(text));
}

/**
 * Turns whatever a request ended with into an answer of the closed table. Errors that are not the caller's go to `report`; their
 * text never leaves the process.
 */
export function sendError(
  error: unknown,
  to: { request: FastifyRequest; reply: FastifyReply; route: Route | undefined },
  report: (error: unknown, requestId: string) => void,
): FastifyReply {
  const { request, reply, route } = to;
  const code = statusOf(error);
  if (code === 413) {
    return sendText(reply.header("connection", "close"), 413, "Request Entity Too Large");
  }
  const known = known4xx(error, code) ?? (error instanceof OmError ? error : undefined);
  if (known !== undefined) return sendOmError(known, request, reply);
  report(error, request.id);
  const fallback: ErrorCode =
    error instanceof DatabaseUnavailable ? "unavailable" : (route?.failure ?? "internal_error");
  return sendOmError(new OmError(fallback), request, reply);
}

function sendOmError(error: OmError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error.status === 503 || error.status === 429) void reply.header("retry-after", error.status === 503 ? "1" : "60");
  const text = error.status === 500 ? errors.internal_error.text : error.message;
  return sendJson(reply, error.status, { error: text, code: error.code, request_id: request.id });
}

/** Fastify's own refusals of a malformed request. */
function known4xx(error: unknown, status: number): OmError | undefined {
  return !(error instanceof OmError) && status >= 400 && status < 500 ? new OmError("invalid_request_body") : undefined;
}

function statusOf(error: unknown): number {
  if (typeof error !== "object" || error === null || !("statusCode" in error)) return 500;
  return typeof error.statusCode === "number" ? error.statusCode : 500;
}
