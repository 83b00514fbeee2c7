import type { IncomingHttpHeaders } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { IsAllowedOrigin } from "./origin.ts";
import { addHeaders } from "./responses.ts";

/** Names and values of what a browser page of an allowed origin needs. */
export function corsHeaders({ origin, host }: IncomingHttpHeaders, isAllowed: IsAllowedOrigin): string[] {
  const vary = ["vary", "Origin"];
  if (origin === undefined || origin === "" || !isAllowed(origin, host)) return vary;
  return [
    ...vary,
    "access-control-allow-origin",
    origin.toLowerCase(),
    "access-control-allow-credentials",
    "true",
    "access-control-expose-headers",
    "Retry-After,X-Request-Id",
  ];
}

/** CORS headers of every answer; a preflight is answered here and reaches nothing else. @returns true when answered */
export function cors(request: FastifyRequest, reply: FastifyReply, isAllowed: IsAllowedOrigin): boolean {
  addHeaders(reply, corsHeaders(request.headers, isAllowed));
  if (request.method !== "OPTIONS" || request.headers["access-control-request-method"] === undefined) return false;
  void reply
    .code(204)
    .header("vary", "Access-Control-Request-Method, Access-Control-Request-Headers, Origin")
    .header("access-control-allow-methods", "GET,POST,PUT,DELETE,OPTIONS")
    .header("access-control-allow-headers", "Origin,Content-Type,Accept,Authorization,X-OM-CSRF")
    .send();
  return true;
}
