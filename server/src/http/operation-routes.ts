import { wsQuery } from "@om/protocol";
import type { FastifyInstance } from "fastify";
import { authenticate, checkOrigin, isSame, type AccessRules } from "./access.ts";
import { isLocalName } from "./origin.ts";
import { identity } from "../platform/identity.ts";
import { statesOf, type Dependencies } from "./readiness.ts";
import { sendJson, sendText } from "./responses.ts";
import { pagePaths } from "./web-routes.ts";

interface OperationOptions {
  dependencies: () => Dependencies;
  isStopping: () => boolean;
  /** Prometheus text. */
  metrics: () => Promise<string>;
  metricsToken: string;
  rules: AccessRules;
}

/** All paths outside /api, each for GET. */
export const operationPaths = [
  ...pagePaths,
  "/health",
  "/ready",
  "/metrics",
  "/ws",
  "/docs",
  "/docs/openapi.json",
  "/docs/asyncapi.json",
  "/docs/start.js",
  "/docs/swagger-ui.js",
  "/docs/swagger-ui.css",
] as const;

/** What operators ask: `/health`, `/ready`, `/metrics`; and `/ws` without an upgrade. */
export function addOperationRoutes(app: FastifyInstance, options: OperationOptions): void {
  app.get("/health", (_request, reply) =>
    sendJson(reply, 200, { message: "OM Messenger is running", status: "ok", version: identity.version }),
  );
  const look = async () => {
    const { required, optional } = options.dependencies();
    return Promise.all([statesOf(required), statesOf(optional)]);
  };
  let looking: ReturnType<typeof look> | undefined;
  app.get("/ready", async (_request, reply) => {
    // Anybody may ask: however many do, one look is for all.
    const [dependencies, others] = await (looking ??= look().finally(() => (looking = undefined)));
    const isUsable = Object.values(dependencies).every((state) => state === "ok");
    const status = options.isStopping() ? "stopping" : isUsable ? "ok" : "unavailable";
    return sendJson(reply, status === "ok" ? 200 : 503, {
      status,
      dependencies,
      optional: others,
    });
  });
  app.get("/metrics", async (request, reply) => {
    const { authorization, host = "" } = request.headers;
    // What comes by way of a proxy on this machine, or by a stranger's name for it, is from anywhere.
    const isHere = isLoopback(request.socket.remoteAddress) && isLocalName(host);
    const allowed =
      options.metricsToken === ""
        ? isHere && !Object.keys(request.headers).some((name) => proxyHeader.test(name))
        : isSame(authorization ?? "", `Bearer ${options.metricsToken}`);
    if (!allowed) return sendText(reply, 403, "Forbidden");
    return reply.header("content-type", "text/plain; version=0.0.4; charset=utf-8").send(await options.metrics());
  });
  // Who may not come in is told so, who may is told to upgrade (wire contract §4.1).
  app.get("/ws", async (request, reply) => {
    checkOrigin(request, options.rules.isAllowed);
    const query = request.query as Record<string, string | undefined>;
    await authenticate(request, options.rules.verify, query[wsQuery.token]);
    return sendText(reply, 426, "Upgrade Required");
  });
}

/** What proxies and content networks add to the requests that they pass on. */
const proxyHeader =
  /^(forwarded|via|x-forwarded.*|x-real-.*|x-original-.*|x-envoy-.*|x-proxy.*|cf-.*|cdn-.*|fastly-.*|true-client-ip|.*client-ip)$/;

function isLoopback(address: string | undefined): boolean {
  return address !== undefined && /^(::ffff:)?127\.|^::1$/.test(address);
}
