import type { FastifyReply, FastifyRequest } from "fastify";
import type { IsAllowedOrigin } from "./origin.ts";

/** CORS headers of every answer; a preflight is answered here and reaches nothing else. @returns true when answered */
export function cors(request: FastifyRequest, reply: FastifyReply, isAllowed: IsAllowedOrigin): boolean {
  const { origin, host } = request.headers;
  void reply.header("vary", "Origin");
  if (origin !== undefined && origin !== "" && isAllowed(origin, host)) {
    void reply.header("access-control-allow-origin", origin.toLowerCase());
    void reply.header("access-control-allow-credentials", "true");
  }
  if (request.method !== "OPTIONS" || request.headers["access-control-request-method"] === undefined) return false;
  void reply
    .code(204)
    .header("vary", "Access-Control-Request-Method, Access-Control-Request-Headers, Origin")
    .header("access-control-allow-methods", "GET,POST,PUT,DELETE,OPTIONS")
    .header("access-control-allow-headers", "Origin,Content-Type,Accept,Authorization,X-OM-CSRF")
    .send();
  return true;
}
