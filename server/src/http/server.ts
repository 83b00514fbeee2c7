import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Readable } from "node:stream";
import proxyAddress from "@fastify/proxy-addr";
import { routes, type Route, type RouteName } from "@om/protocol";
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Config } from "../config.ts";
import type { Allowances } from "../platform/allowances.ts";
import type { SharedRates } from "../platform/rates/shared-rates.ts";
import type { Caller, VerifyToken } from "../platform/caller.ts";
import type { Clock } from "../platform/clock.ts";
import { loggedPath } from "../platform/telemetry/logger.ts";
import { OmError } from "../platform/om-error.ts";
import { isForgotten } from "../platform/postgres/database.ts";
import type { ReceiveFile } from "../platform/upload.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import { authorize, authenticate, checkOrigin, type AccessRules } from "./access.ts";
import { addHeaders, cacheHeaders, commonHeaders, deviceOf, requestId, sendResponse } from "./responses.ts";
import { bodyLimit, BodyTooLarge, createBodyReader } from "./body.ts";
import { closeConnections } from "./close-connections.ts";
import { createCookies, parseCookies, type Cookies } from "./cookies.ts";
import { cors } from "./cors.ts";
import { addDocsRoutes } from "./docs-routes.ts";
import { sendError } from "./errors.ts";
import type { Handlers, RouteRequest } from "../platform/route-handlers.ts";
import { plainForwarded } from "./forwarded.ts";
import { HttpRequest } from "./http-request.ts";
import { createKeptAnswers, type KeptAnswers } from "./kept-answers.ts";
import { countAnswer, createLimits, limitReached, networkOf, throttle, type Limits } from "./limits.ts";
import { addOperationRoutes } from "./operation-routes.ts";
import type { IsAllowedOrigin } from "./origin.ts";
import { fileReceiver } from "./multipart.ts";
import type { Dependencies } from "./readiness.ts";
import { logRouteEvent } from "./security-events.ts";
import { isApi, parseQuery, routedUrl } from "./routed-url.ts";
import { createTransfers, type transferLimits, type Transfers } from "./transfers.ts";
import { handleUnknownPath } from "./unknown-path.ts";
import { addWebRoutes } from "./web-routes.ts";

/** The headers have 15 s. Bodies and answers may take as long as they move: `Transfers` looks after that. */
const timeouts = {
  headersTimeout: 15_000,
  requestTimeout: 0,
  connectionsCheckingInterval: 5_000,
  keepAliveTimeout: 65_000,
};
/** A connection on which nothing moves at all is closed, in ms. */
const stillTimeoutMs = 120_000;

/** What answers requests. */
export interface Serving {
  handlers: Handlers;
  verify: VerifyToken;
  dependencies: Dependencies;
  kept: KeptAnswers;
  /** It will stop soon, and load balancers should look elsewhere. */
  isStopping: () => boolean;
}

export interface HttpOptions {
  config: Config;
  isAllowed: IsAllowedOrigin;
  telemetry: Pick<Telemetry, "http" | "metrics" | "queried" | "security">;
  /** `now` for what is shown, `monotonic` for what is counted. */
  now: Clock;
  monotonic: Clock;
  allowances: Allowances;
  rates: Pick<SharedRates, "count">;
  pause: (ms: number) => Promise<void>;
  /** For tests. */
  transferLimits?: typeof transferLimits;
  /** undefined while the server starts: every request is told so. */
  serving: () => Serving | undefined;
}

interface Context extends HttpOptions {
  /** @throws OmError `unavailable` */
  serving: () => Serving;
  rules: AccessRules;
  cookies: Cookies;
  limits: Limits;
  transfers: Transfers;
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
  const limits = createLimits(config, options.monotonic, options.rates);
  const transfers = createTransfers(options.transferLimits);
  const context = { ...options, serving, rules, cookies: createCookies(config, now), limits, transfers };
  // Before the server is ready nothing is kept, which is no refusal.
  const app = openFastify(config, options, transfers);
  addCommonHooks(app, context);
  addTransferHooks(app, context);
  const isStopping = (): boolean => options.serving()?.isStopping() ?? false;
  closeConnections(app, isStopping);
  for (const name of Object.keys(routes) as RouteName[]) addRoute(app, name, context);
  addOperationRoutes(app, {
    dependencies: () => serving().dependencies,
    isStopping,
    metrics: () => options.telemetry.metrics.text(),
    metricsToken: config.metricsToken,
    rules,
  });
  addDocsRoutes(app, config);
  addWebRoutes(app);
  await app.ready();
  return app;
}

function openFastify(
  config: Config,
  { isAllowed, telemetry, ...context }: HttpOptions,
  transfers: Transfers,
): FastifyInstance {
  const isTrusted = proxyAddress.compile(config.trustProxy);
  const keptAnswers = createKeptAnswers({
    kept() {
      const parts = app.server.listening ? context.serving() : undefined;
      return parts?.isStopping() === false ? parts.kept : undefined;
    },
    isAllowed,
    allowances: context.allowances,
    headers: commonHeaders(config.publicApiBaseUrl),
    sending: transfers.sending,
    onAnswered(request, answered, caller) {
      const { url = "" } = request;
      telemetry.queried("cache", answered.ms);
      telemetry.http.answered(answered, () => ({
        method: "GET",
        path: loggedPath(url),
        ip: proxyAddress(request, isTrusted),
        user: caller.userId,
        session: caller.sessionId,
      }));
    },
  });
  const app = fastify({
    serverFactory(handler) {
      return createServer({ ...timeouts, IncomingMessage: HttpRequest }, (request, response) => {
        plainForwarded(request);
        keptAnswers(request, response, () => handler(request, response));
      }).setTimeout(stillTimeoutMs);
    },
    forceCloseConnections: "idle",
    trustProxy: config.trustProxy.length > 0 && config.trustProxy,
    routerOptions: { caseSensitive: false, maxParamLength: 16_384, querystringParser: parseQuery },
    rewriteUrl: ({ url = "/" }) => routedUrl(url),
    genReqId: requestId,
    frameworkErrors: (_error, request, reply) => void handleUnknownPath(request, reply as FastifyReply),
  });
  // Whoever wants a body reads it: until then nothing is taken from the connection.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, _body, done) => done(null));
  return app;
}

function addCommonHooks(app: FastifyInstance, context: Context): void {
  const { config, isAllowed, telemetry, serving, limits, rules, cookies } = context;
  const isTrusted = proxyAddress.compile(config.trustProxy);
  const common = [...commonHeaders(config.publicApiBaseUrl), ...cacheHeaders()];
  app.addHook("onRequest", async (request, reply) => {
    const { "x-forwarded-for": list, forwarded } = request.headers;
    const { remoteAddress: peer } = request.socket;
    if ((list ?? forwarded) !== undefined && peer !== undefined && !isTrusted(peer, 0)) telemetry.http.notTrusted(peer);
    addHeaders(reply, ["x-request-id", request.id, ...common]);
    if (cors(request, reply, isAllowed)) return reply;
    serving();
    request.contentType = request.headers["content-type"] ?? "";
    // Fastify would refuse a malformed one.
    delete request.headers["content-type"];
    const api = isApi(request.url);
    if (api) checkOrigin(request, isAllowed);
    if (!request.is404) return undefined;
    if (api) {
      if (await limitReached(request, reply, { limits, route: undefined })) return reply;
      await authenticate(request, rules.verify);
    }
    return handleUnknownPath(request, reply);
  });
  app.addHook("onResponse", async (request, reply) => {
    const { id, method, ip, caller } = request;
    const route = nameOf(request) ?? request.routeOptions.url ?? "unknown";
    telemetry.http.answered({ id, route, status: reply.statusCode, ms: reply.elapsedTime }, () => ({
      method,
      path: loggedPath(request.originalUrl),
      ip,
      user: caller?.userId,
      session: caller?.sessionId,
    }));
  });
  app.setErrorHandler((error, request, reply) => {
    const name = nameOf(request);
    const route: Route | undefined = name === undefined ? undefined : routes[name];
    // The first web client would try for ever with the cookies that it has (O-20).
    if (error instanceof OmError && error.code === "invalid_refresh")
      void reply.header("set-cookie", cookies.cleared(true));
    logRouteEvent(telemetry.security, request, { error });
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
    /** See deviceOf(). */
    device?: string;
    /** As the client sent it. */
    contentType: string;
  }
}

function nameOf(request: FastifyRequest): RouteName | undefined {
  return request.routeOptions.config.name;
}

/** What counts against one user, or against one address as long as nobody is known. */
function ownerOf({ caller, ip }: FastifyRequest): string {
  return caller === undefined ? networkOf(ip) : String(caller.userId);
}

/** Closing while the client is still sending would lose the answer. */
function closeWhenSent(request: IncomingMessage, response: ServerResponse): void {
  const { socket } = request;
  response.shouldKeepAlive = true;
  response.once("finish", () => {
    if (request.complete) socket.end();
    else request.once("end", () => socket.end());
  });
}

/** What is left of a body, and answers that are not taken, do not stay for ever. */
function addTransferHooks(app: FastifyInstance, { transfers, allowances }: Context): void {
  app.addHook("onSend", (request, reply, payload, done) => {
    const streamed = payload instanceof Readable;
    const bytes = streamed ? Number(reply.getHeader("content-length")) : Buffer.isBuffer(payload) ? payload.length : 0;
    if (request.caller && !streamed) countAnswer(allowances, request.caller.userId, bytes);
    if (!request.raw.complete && !reply.raw.shouldKeepAlive) closeWhenSent(request.raw, reply.raw);
    if (transfers.sending(reply.raw, ownerOf(request), { bytes, streamed })) return done(null, payload);
    if (streamed) payload.destroy();
    done(new OmError("unavailable"));
  });
  app.addHook("onResponse", async ({ raw }) => {
    if (!raw.complete) transfers.dropping(raw);
  });
  app.addHook("onClose", async () => transfers.stop());
}

/** One route as the protocol describes it: limit, who, whence, what, do, show. */
function addRoute(app: FastifyInstance, name: RouteName, context: Context): void {
  const route: Route = routes[name];
  const maxBytes = bodyLimit(route, context.config) ?? Number.POSITIVE_INFINITY;
  const readBody = createBodyReader(route, maxBytes, context.transfers);
  const add = (url: string): unknown =>
    app.route({
      method: route.method,
      url,
      config: { name },
      onRequest: async (request, reply) => {
        if (await limitReached(request, reply, { limits: context.limits, route })) return reply;
        const caller = await authorize(request, route, context.rules);
        if (caller && (await limitReached(request, reply, { limits: context.limits, route, caller }))) return reply;
        if (caller) await throttle(context, route, caller);
        request.caller = caller;
        if (Number(request.headers["content-length"] ?? 0) > maxBytes) throw new BodyTooLarge();
        return undefined;
      },
      handler: async (request, reply) => {
        const handle = context.serving().handlers[name] as (request: unknown) => Promise<unknown>;
        const { raw, contentType } = request;
        const body = await readBody({ raw, response: reply.raw, owner: ownerOf(request), contentType });
        const watch = (onTooSlow: () => void): (() => void) => context.transfers.receiving(raw, onTooSlow);
        const receive = route.upload && fileReceiver({ body: raw, maxBytes, contentType, watch }, route.upload);
        const asked = routeRequest(request, body, receive);
        const answer = await handle(asked).catch((error: unknown) => {
          // What only reads may be asked for again.
          if (route.method === "GET" && isForgotten(error)) return handle(asked);
          throw error;
        });
        logRouteEvent(context.telemetry.security, request, { answer });
        return sendResponse(answer, { request, reply, name, route }, context.cookies);
      },
    });
  add(route.path);
  // The rest may be empty too, and slashes at the end do not count.
  if (route.path.endsWith("/*")) add(route.path.slice(0, -2));
}

function routeRequest(request: FastifyRequest, body: unknown, receive?: ReceiveFile): RouteRequest<RouteName> {
  return {
    caller: request.caller,
    params: request.params,
    query: request.query,
    url: request.originalUrl,
    body,
    receive,
    // Few ask for these.
    get actor() {
      return { userId: request.caller?.userId, origin: request.ip };
    },
    get refreshToken() {
      return parseCookies(request.headers.cookie).refresh;
    },
    get address() {
      return networkOf(request.ip, 48);
    },
    get device() {
      return deviceOf(request);
    },
    userAgent: request.headers["user-agent"] ?? "",
  } as RouteRequest<RouteName>;
}
