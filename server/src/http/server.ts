import { createServer } from "node:http";
import { Readable } from "node:stream";
import proxyAddress from "@fastify/proxy-addr";
import { limits as wireLimits, routes, type Route, type RouteName } from "@om/protocol";
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Config } from "../config.ts";
import type { Caller, VerifyToken } from "../platform/caller.ts";
import { redactUrl } from "../platform/telemetry/logger.ts";
import { OmError } from "../platform/om-error.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import { authorize, authenticate, checkOrigin, type AccessRules } from "./access.ts";
import { addHeaders, commonHeaders, requestId, sendResponse } from "./responses.ts";
import { createBodyParser } from "./body.ts";
import { closeConnections } from "./close-connections.ts";
import { createCookies, parseCookies, type Cookies } from "./cookies.ts";
import { cors } from "./cors.ts";
import { addDocsRoutes } from "./docs-routes.ts";
import { sendError } from "./errors.ts";
import type { Handlers, RouteRequest } from "../platform/route-handlers.ts";
import { plainForwarded } from "./forwarded.ts";
import { HttpRequest } from "./http-request.ts";
import { createKeptAnswers, type KeptAnswers } from "./kept-answers.ts";
import { createLimits, limitReached, networkOf, type Limits } from "./limits.ts";
import { addOperationRoutes, type Checks } from "./operation-routes.ts";
import type { IsAllowedOrigin } from "./origin.ts";
import { fileReceiver } from "./multipart.ts";
import { isApi, parseQuery, routedUrl } from "./routed-url.ts";
import { handleUnknownPath } from "./unknown-path.ts";

/** Slow senders: the headers within 15 s, the whole request within 30. */
const timeouts = {
  headersTimeout: 15_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 5_000,
  keepAliveTimeout: 65_000,
};

/** What answers requests. */
export interface Serving {
  handlers: Handlers;
  verify: VerifyToken;
  checks: Checks;
  kept: KeptAnswers;
}

export interface HttpOptions {
  config: Config;
  isAllowed: IsAllowedOrigin;
  telemetry: Pick<Telemetry, "http" | "metrics" | "queried">;
  now: () => number;
  /** undefined while the server starts: every request is told so. */
  serving: () => Serving | undefined;
}

interface Context extends HttpOptions {
  /** @throws OmError `unavailable` */
  serving: () => Serving;
  rules: AccessRules;
  cookies: Cookies;
  limits: Limits;
}

/** The HTTP server: every route of the protocol in one loop, and what operators ask. It does not listen yet. */
export async function createHttp(options: HttpOptions): Promise<FastifyInstance> {
  const { config, now, isAllowed } = options;
  const serving = (): Serving => {
    const parts = options.serving();
    if (parts === undefined) throw new OmError("unavailable", "The server is starting");
    return parts;
  };
  const verify: VerifyToken = (token) => serving().verify(token);
  const rules = { verify, isAllowed, csrfMode: config.csrfMode };
  const limits = createLimits(config, now);
  const context = { ...options, serving, rules, cookies: createCookies(config, now), limits };
  // Before the server is ready nothing is kept, which is no refusal.
  const app = openFastify(config, options);
  addCommonHooks(app, context);
  closeConnections(app);
  addRoutes(app, context);
  addOperationRoutes(app, {
    checks: () => serving().checks,
    metrics: () => options.telemetry.metrics.registry.metrics(),
    metricsToken: config.metricsToken,
    rules,
  });
  addDocsRoutes(app, config);
  app.setNotFoundHandler(async (request, reply) => {
    if (isApi(request.url)) {
      if (limitReached(request, reply, { limits: context.limits, route: undefined })) return reply;
      await authenticate(request, verify);
    }
    return handleUnknownPath(request, reply);
  });
  await app.ready();
  return app;
}

function openFastify(config: Config, { isAllowed, telemetry, ...context }: HttpOptions): FastifyInstance {
  const addressOf = proxyAddress.compile(config.trustProxy);
  const keptAnswers = createKeptAnswers({
    kept: () => (app.server.listening ? context.serving()?.kept : undefined),
    isAllowed,
    onAnswered(request, answered) {
      const { url = "" } = request;
      telemetry.queried("cache", answered.ms);
      telemetry.http.answered(answered, () => ({
        method: "GET",
        url: redactUrl(url),
        ip: proxyAddress(request, addressOf),
      }));
    },
  });
  const app = fastify({
    serverFactory(handler) {
      return createServer({ ...timeouts, IncomingMessage: HttpRequest }, (request, response) => {
        plainForwarded(request);
        keptAnswers(request, response, () => handler(request, response));
      });
    },
    bodyLimit: wireLimits.bodyBytes,
    forceCloseConnections: "idle",
    trustProxy: config.trustProxy.length > 0 && config.trustProxy,
    routerOptions: { caseSensitive: false, maxParamLength: 16_384, querystringParser: parseQuery },
    rewriteUrl: ({ url = "/" }) => routedUrl(url),
    genReqId: requestId,
    frameworkErrors: (_error, request, reply) => void handleUnknownPath(request, reply as FastifyReply),
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  return app;
}

function addCommonHooks(app: FastifyInstance, { isAllowed, telemetry, serving }: Context): void {
  app.addHook("onRequest", async (request, reply) => {
    addHeaders(reply, ["x-request-id", request.id, ...commonHeaders]);
    if (cors(request, reply, isAllowed)) return reply;
    serving();
    if (isApi(request.url)) checkOrigin(request, isAllowed);
    return undefined;
  });
  app.addHook("onResponse", async (request, reply) => {
    const { id, method, ip } = request;
    const route = nameOf(request) ?? request.routeOptions.url ?? "unknown";
    telemetry.http.answered({ id, route, status: reply.statusCode, ms: reply.elapsedTime }, () => ({
      method,
      url: redactUrl(request.originalUrl),
      ip,
    }));
  });
  app.setErrorHandler((error, request, reply) => {
    const name = nameOf(request);
    const route: Route | undefined = name === undefined ? undefined : routes[name];
    return sendError(error, { request, reply, route }, (cause) =>
      telemetry.http.failed({ id: request.id, route: name ?? "other" }, cause),
    );
  });
}

declare module "fastify" {
  interface FastifyContextConfig {
    name?: RouteName;
  }
  interface FastifyRequest {
    caller?: Caller | undefined;
    /** Of an upload, as the client sent it. */
    uploadType?: string | undefined;
  }
}

function nameOf(request: FastifyRequest): RouteName | undefined {
  return request.routeOptions.config.name;
}

/** Bodies of uploads are streams, all others bytes. */
function addRoutes(app: FastifyInstance, context: Context): void {
  const names = Object.keys(routes) as RouteName[];
  const isUpload = (name: RouteName): boolean => "upload" in routes[name];
  for (const name of names) if (!isUpload(name)) addRoute(app, name, context);
  void app.register(async (scope) => {
    scope.removeContentTypeParser("*");
    scope.addContentTypeParser("*", (_request, body, done) => done(null, body));
    for (const name of names.filter(isUpload)) addRoute(scope, name, context);
  });
}

/** One route as the protocol describes it: limit, who, whence, what, do, show. */
function addRoute(app: FastifyInstance, name: RouteName, context: Context): void {
  const route: Route = routes[name];
  const readBody = createBodyParser(route.body);
  const add = (url: string): unknown =>
    app.route({
      method: route.method,
      url,
      config: { name },
      onRequest: async (request, reply) => {
        if (limitReached(request, reply, { limits: context.limits, route })) return reply;
        const caller = await authorize(request, route, context.rules);
        if (caller && limitReached(request, reply, { limits: context.limits, route, caller })) return reply;
        request.caller = caller;
        request.uploadType = request.headers["content-type"];
        // What is not read may be of any kind; Fastify would refuse a malformed type.
        if (route.body === undefined) delete request.headers["content-type"];
        return undefined;
      },
      handler: async (request, reply) => {
        const handle = context.serving().handlers[name] as (request: unknown) => Promise<unknown>;
        const answer = await handle(routeRequest(request, route, readBody(request.body, request.headers)));
        return sendResponse(answer, { request, reply, name, route }, context.cookies);
      },
    });
  add(route.path);
  // The rest may be empty too, and slashes at the end do not count.
  if (route.path.endsWith("/*")) add(route.path.slice(0, -2));
}

function routeRequest(request: FastifyRequest, route: Route, body: unknown): RouteRequest<RouteName> {
  return {
    caller: request.caller,
    params: request.params,
    query: request.query,
    url: request.originalUrl,
    body,
    receive: route.upload && fileReceiver(uploadOf(request), route.upload),
    refreshToken: parseCookies(request.headers.cookie).refresh,
    address: networkOf(request.ip),
    userAgent: request.headers["user-agent"] ?? "",
  } as RouteRequest<RouteName>;
}

function uploadOf({ body, headers, uploadType = "" }: FastifyRequest): Parameters<typeof fileReceiver>[0] {
  return {
    body: body instanceof Readable ? body : undefined,
    contentType: uploadType,
    length: Number(headers["content-length"] ?? 0),
  };
}
