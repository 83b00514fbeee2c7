import { routes, type Route } from "@om/protocol";
import type { FastifyReply, FastifyRequest } from "fastify";
import { sendText } from "./responses.ts";
import { escapeHtml } from "./escape-html.ts";
import { operationPaths } from "./operation-routes.ts";
import { pathOf } from "./routed-url.ts";

const table = [...Object.values(routes), ...operationPaths.map((path) => ({ method: "GET", path }) as const)].map(
  ({ method, path }: Pick<Route, "method" | "path">) => ({
    method,
    pattern: new RegExp(`^${path.replaceAll(/:[a-z_]+/g, "[^/]+").replace(/\/\*$/, "(?:/.*)?")}$`, "i"),
  }),
);

/** A path that no route has, or has for other methods: plain text, as the contract has it. */
export function handleUnknownPath(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = pathOf(request.url);
  const methods = new Set(table.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method));
  if (methods.size === 0) {
    const [original = ""] = request.originalUrl.split("?");
    return sendText(reply, 404, `Cannot ${request.method} ${escapeHtml(original)}`);
  }
  const allowed = [...methods].flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]));
  return sendText(reply.header("allow", allowed.join(", ")), 405, "Method Not Allowed");
}
