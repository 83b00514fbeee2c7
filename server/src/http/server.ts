import { randomBytes, randomUUID } from "node:crypto";
import { routes, type AuthAnswer, type Route, type RouteName } from "@om/protocol";
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Config } from "../config.ts";
import type { Caller, VerifyToken } from "../platform/caller.ts";
import { createRateLimit, type RateLimit } from "../platform/rate-limit.ts";
import { redactUrl } from "../platform/telemetry/logger.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import { admit, authenticate, checkOrigin, type AccessRules } from "./access.ts";
import { createBodyReader } from "./body.ts";
import { createCookies, readCookies, type Cookies } from "./cookies.ts";
import { cors } from "./cors.ts";
import { sendError, sendJson, sendText } from "./errors.ts";
import type { Handlers, RouteRequest, Tagged } from "./handlers.ts";
import { addOperationRoutes, type OperationOptions } from "./operation-routes.ts";
import type { IsAllowedOrigin } from "./origin.ts";
import { answerUnknownPath } from "./unknown-path.ts";

export interface HttpOptions {
  config: Config;
  handlers: Handlers;
  verify: VerifyToken;
  isAllowed: IsAllowedOrigin;
  telemetry: Telemetry;
  checks: OperationOptions["checks"];
  now: () => number;
}

interface Context extends HttpOptions {
  rules: AccessRules;
  cookies: Cookies;
  limits: Record<"auth" | "names", RateLimit>;
}

const bodyBytes = 8 * 1024 * 1024;

/** The HTTP server: every route of the protocol in one loop, and what operators ask. It does not listen yet. */
export async function createHttp(options: HttpOptions): Promise<FastifyInstance> {
  const { config, now } = options;
  const app = fastify({
    bodyLimit: bodyBytes,
    requestTimeout: 30_000,
    keepAliveTimeout: 65_000,
    forceCloseConnections: "idle",
    trustProxy: config.trustProxy.length > 0 ? config.trustProxy : false,
    routerOptions: { caseSensitive: false, maxParamLength: 200 },
    rewriteUrl: ({ url = "/" }) => url.replace(/(?<=[^/])\/+(?=\?|$)/, ""),
    genReqId: ({ headers }) => requestId(headers["x-request-id"]),
    frameworkErrors: (_error, request, reply) => void answerUnknownPath(request, reply as FastifyReply),
  });
  app.server.headersTimeout = 15_000;
  const context: Context = {
    ...options,
    rules: { verify: options.verify, isAllowed: options.isAllowed, csrfMode: config.csrfMode },
    cookies: createCookies(config, now),
    limits: {
      auth: createRateLimit({ limit: config.authLimit, windowMs: 60_000, now }),
      names: createRateLimit({ limit: config.namesLimit, windowMs: 60_000, now }),
    },
  };
  addCommonHooks(app, context);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  for (const name of Object.keys(routes) as RouteName[]) addRoute(app, name, context);
  addOperationRoutes(app, {
    checks: options.checks,
    metrics: () => options.telemetry.metrics.registry.metrics(),
    metricsToken: config.metricsToken,
  });
  addPlainWebSocketRoute(app, context);
  app.setNotFoundHandler(async (request, reply) => {
    if (isApi(request)) {
      if (limitReached(request, reply, isAuthPath(request) ? context.limits.auth : undefined)) return reply;
      if (!isAuthPath(request)) await authenticate(request, options.verify);
    }
    return answerUnknownPath(request, reply);
  });
  await app.ready();
  return app;
}

function addCommonHooks(app: FastifyInstance, { isAllowed, telemetry }: Context): void {
  app.addHook("onRequest", async (request, reply) => {
    void reply.header("x-request-id", request.id).header("x-content-type-options", "nosniff");
    if (cors(request, reply, isAllowed)) return reply;
    if (isApi(request)) checkOrigin(request, isAllowed);
    return undefined;
  });
  app.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.config.name ?? request.routeOptions.url ?? "unknown";
    telemetry.metrics.requests.inc({ route, status: reply.statusCode });
    telemetry.metrics.requestSeconds.observe({ route }, reply.elapsedTime / 1000);
    const { id, method, ip } = request;
    const ms = Math.round(reply.elapsedTime * 10) / 10;
    telemetry.log.info(
      { id, method, url: redactUrl(request.originalUrl), status: reply.statusCode, ms, ip },
      "request",
    );
  });
  app.setErrorHandler((error, request, reply) => {
    const name = request.routeOptions.config.name;
    const route: Route | undefined = name === undefined ? undefined : routes[name];
    const report = (cause: unknown): void => telemetry.failure(`http ${name ?? ""}`.trim(), cause);
    return sendError(error, { request, reply, route }, report);
  });
}

declare module "fastify" {
  interface FastifyContextConfig {
    name?: RouteName;
  }
  interface FastifyRequest {
    caller?: Caller | undefined;
  }
}

function addRoute(app: FastifyInstance, name: RouteName, context: Context): void {
  const route: Route = routes[name];
  const readBody = createBodyReader(route.body);
  const handle = context.handlers[name] as (request: unknown) => Promise<unknown>;
  app.route({
    method: route.method,
    url: route.path,
    config: { name },
    onRequest: async (request, reply) => {
      if (limitReached(request, reply, route.limit === undefined ? undefined : context.limits[route.limit]))
        return reply;
      request.caller = await admit(request, route, context.rules);
      return undefined;
    },
    handler: async (request, reply) => {
      const input = routeRequest(request, readBody(request.body, request.headers));
      const answer = await handle(input);
      return sendAnswer(name, answer, { request, reply, context });
    },
  });
}

function routeRequest(request: FastifyRequest, body: unknown): RouteRequest<RouteName> {
  const query = Object.entries(request.query as Record<string, string | string[]>).map(
    ([key, value]) => [key, Array.isArray(value) ? value[0] : value] as const,
  );
  return {
    caller: request.caller,
    params: request.params as Record<string, string>,
    query: Object.fromEntries(query),
    body,
    refreshToken: readCookies(request.headers.cookie).refresh,
    address: request.ip,
    userAgent: request.headers["user-agent"] ?? "",
  } as RouteRequest<RouteName>;
}

function sendAnswer(
  name: RouteName,
  answer: unknown,
  { request, reply, context }: { request: FastifyRequest; reply: FastifyReply; context: Context },
): FastifyReply {
  const { status }: Route = routes[name];
  if (name === "me") return sendTagged(answer as Tagged<unknown>, request, reply);
  if (name === "register" || name === "login" || name === "refresh") {
    const tokens = answer as AuthAnswer;
    // A refresh keeps the CSRF token, or requests on their way would fail when they are tried again.
    const kept = name === "refresh" ? readCookies(request.headers.cookie).csrf : "";
    const csrf = kept === "" ? newCsrfToken() : kept;
    const cookies = { access: tokens.access_token, refresh: tokens.refresh_token, csrf };
    void reply.header("set-cookie", context.cookies.session(cookies));
  }
  if (name === "csrf") void reply.header("set-cookie", context.cookies.csrf(newCsrfToken()));
  if (name === "logout") void reply.header("set-cookie", context.cookies.cleared());
  return sendJson(reply, status, answer);
}

function sendTagged({ body, tag }: Tagged<unknown>, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  void reply.header("etag", `W/"${tag}"`).header("cache-control", "private, max-age=0, must-revalidate");
  const known = (request.headers["if-none-match"] ?? "")
    .split(",")
    .map((entry) => entry.trim().replace(/^W\//, "").replaceAll('"', ""));
  return known.includes(tag) ? reply.code(304).send() : sendJson(reply, 200, body);
}

/** `/ws` without an upgrade: who may not come in is told so, who may is told to upgrade. */
function addPlainWebSocketRoute(app: FastifyInstance, { verify, isAllowed }: Context): void {
  app.get("/ws", async (request, reply) => {
    checkOrigin(request, isAllowed);
    const { token } = request.query as { token?: string };
    const anonymous = (request.headers.authorization ?? "") === "" && readCookies(request.headers.cookie).access === "";
    if (token !== undefined && token !== "" && anonymous) request.headers.authorization = `Bearer ${token}`;
    await authenticate(request, verify);
    return sendText(reply, 426, "Upgrade Required");
  });
}

/** Counts the attempt and says so in headers. @returns true when it was one too many and has been answered */
function limitReached(request: FastifyRequest, reply: FastifyReply, limit: RateLimit | undefined): boolean {
  const state = limit?.hit(request.ip);
  if (state === undefined) return false;
  if (state.exceeded) {
    void sendText(reply.header("retry-after", state.resetSeconds), 429, "Too Many Requests");
    return true;
  }
  void reply
    .header("x-ratelimit-limit", state.limit)
    .header("x-ratelimit-remaining", state.remaining)
    .header("x-ratelimit-reset", state.resetSeconds);
  return false;
}

function isApi({ url }: FastifyRequest): boolean {
  return /^\/api(?:[/?]|$)/i.test(url);
}

function isAuthPath({ url }: FastifyRequest): boolean {
  return /^\/api\/auth/i.test(url);
}

function newCsrfToken(): string {
  return randomBytes(32).toString("base64url");
}

function requestId(given: string | string[] | undefined): string {
  return typeof given === "string" && /^[\x20-\x7e]{1,200}$/.test(given) ? given : randomUUID();
}
