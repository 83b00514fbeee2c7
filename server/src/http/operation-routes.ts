import { wsQuery } from "@om/protocol";
import type { FastifyInstance } from "fastify";
import { authenticate, checkOrigin, isSame, type AccessRules } from "./access.ts";
import { isLocalName } from "./origin.ts";
import { sendJson, sendText } from "./responses.ts";
import { startPage } from "./start-page.ts";

/** What the server needs to serve; each resolves when that is usable. */
export type Checks = Record<string, () => Promise<void>>;

interface OperationOptions {
  checks: () => Checks;
  /** Prometheus text. */
  metrics: () => Promise<string>;
  metricsToken: string;
  rules: AccessRules;
}

/** How long a dependency may take to say that it is usable, in ms. */
const checkTimeoutMs = 1_000;

/** All paths outside /api, each for GET. */
export const operationPaths = [
  "/",
  "/health",
  "/ready",
  "/metrics",
  "/ws",
  "/docs",
  "/docs/openapi.json",
  "/docs/asyncapi.json",
] as const;

/** What operators and curious people ask: `/`, `/health`, `/ready`, `/metrics`; and `/ws` without an upgrade. */
export function addOperationRoutes(app: FastifyInstance, options: OperationOptions): void {
  app.get("/", (_request, reply) =>
    reply
      .header("content-type", "text/html; charset=utf-8")
      .header("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
      .send(startPage),
  );
  app.get("/health", (_request, reply) => sendJson(reply, 200, { message: "OM Messenger is running", status: "ok" }));
  app.get("/ready", async (_request, reply) => {
    const states = await Promise.all(
      Object.entries(options.checks()).map(async ([name, check]) => [name, await stateOf(check)] as const),
    );
    const ready = states.every(([, state]) => state === "ok");
    return sendJson(reply, ready ? 200 : 503, {
      status: ready ? "ok" : "unavailable",
      dependencies: Object.fromEntries(states),
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

async function stateOf(check: () => Promise<void>): Promise<"ok" | "unavailable"> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<"unavailable">((resolve) => {
    timer = setTimeout(() => resolve("unavailable"), checkTimeoutMs);
  });
  const state = async (): Promise<"ok" | "unavailable"> => {
    try {
      await check();
      return "ok";
    } catch {
      return "unavailable";
    }
  };
  return Promise.race([state(), deadline]).finally(() => clearTimeout(timer));
}

/** What proxies and content networks add to the requests that they pass on. */
const proxyHeader =
  /^(forwarded|via|x-forwarded.*|x-real-.*|x-original-.*|x-envoy-.*|x-proxy.*|cf-.*|cdn-.*|fastly-.*|true-client-ip|.*client-ip)$/;

function isLoopback(address: string | undefined): boolean {
  return address !== undefined && /^(::ffff:)?127\.|^::1$/.test(address);
}
