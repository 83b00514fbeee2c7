import { STATUS_CODES, type IncomingMessage, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { errors, limits, wsQuery, type ErrorCode } from "@om/protocol";
import { WebSocketServer, type WebSocket } from "ws";
import { authenticate, checkOrigin, hasCredentials } from "../http/access.ts";
import { requestId } from "../http/responses.ts";
import type { IsAllowedOrigin } from "../http/origin.ts";
import type { Caller, UseTicket, VerifyToken } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { TooMany } from "../platform/rate-limit.ts";

/** An upgrade request that was let in. */
export interface AcceptedUpgrade {
  request: IncomingMessage;
  ws: WebSocket;
  raw: Duplex;
  caller: Caller;
  /** See HubSocket. */
  tokenEndsAt: number | undefined;
  gzip: boolean;
  resuming: boolean;
}

export interface AcceptOptions {
  isAllowed: IsAllowedOrigin;
  verify: VerifyToken;
  /** Waits when many come at once. @throws TooMany `unavailable` */
  admit: () => Promise<void>;
  /** Waits for a user who has opened many. @throws TooMany `rate_limited` */
  throttle: (caller: Caller) => Promise<void>;
  useTicket: UseTicket;
  /** False while the server stops or is full: answered with 503. */
  hasCapacity: () => boolean;
  open: (accepted: AcceptedUpgrade) => void;
  onRefused: (request: IncomingMessage, answered: { status: number; ms: number }) => void;
}

/** How long a refused client may take to read the answer, in ms. */
const refusalTimeoutMs = 2_000;

type Refusal = { status: number; code?: ErrorCode; text?: string; retryAfter?: number };

/** Answers upgrade requests on /ws: origin, then token, then the handshake itself (wire contract §4.1). */
export function acceptUpgrades(server: Server, options: AcceptOptions): void {
  // Without permessage-deflate: frames are compressed once per push, not once per socket.
  // Pongs wait in the send queue like every answer, where what nobody reads has a bound.
  const frames = { perMessageDeflate: false, maxPayload: limits.frameHardBytes, autoPong: false };
  const sockets = new WebSocketServer({ noServer: true, clientTracking: false, ...frames });
  sockets.on("headers", (headers, request) => headers.push(...commonHeaders(request)));
  server.on("upgrade", (request, raw, head) => {
    const began = performance.now();
    // The same in the answer and in the log.
    request.headers["x-request-id"] = requestId(request);
    const onEarlyError = (): void => void raw.destroy();
    raw.on("error", onEarlyError);
    void authorizeUpgrade(request, options)
      .catch((error: unknown): Refusal => {
        const { status, code } = error instanceof OmError ? error : new OmError("unavailable");
        return {
          status,
          code,
          retryAfter: error instanceof TooMany ? error.retryAfterSeconds : status === 503 ? 1 : 0,
        };
      })
      .then((verdict) => {
        if ("status" in verdict) {
          refuse(request, raw, verdict);
          return options.onRefused(request, { status: verdict.status, ms: performance.now() - began });
        }
        raw.removeListener("error", onEarlyError);
        sockets.handleUpgrade(request, raw, head, (ws) => options.open({ request, ws, raw, ...verdict }));
      });
  });
}

/** @throws OmError of the answers that have a code */
async function authorizeUpgrade(
  request: IncomingMessage,
  options: AcceptOptions,
): Promise<Refusal | Omit<AcceptedUpgrade, "request" | "ws" | "raw">> {
  const [path = "", query = ""] = (request.url ?? "").split("?", 2);
  if (!/^\/ws\/*$/i.test(path)) return { status: 404, text: "Not Found" };
  const parameters = new URLSearchParams(query);
  checkOrigin(request, options.isAllowed);
  // A ticket is used up only by whoever will be let in: a proxy may ask another node when this one refuses.
  if (!options.hasCapacity()) throw new OmError("unavailable");
  const { whose, tokenEndsAt } = await identify(request, parameters, options);
  if (!isHandshake(request)) return { status: 426, text: "Upgrade Required" };
  await options.admit();
  const caller = await whose();
  if (caller === undefined) throw new OmError("invalid_access_token");
  await options.throttle(caller);
  if (!options.hasCapacity()) throw new OmError("unavailable");
  return {
    caller,
    tokenEndsAt,
    gzip: parameters.get(wsQuery.gzip) === "1" || request.headers["x-supports-gzip"] === "1",
    resuming: parameters.get(wsQuery.resume) === "1",
  };
}

/** A ticket goes before all else: whoever has one asked for it just now. @throws OmError one of the three 401s */
async function identify(
  request: IncomingMessage,
  parameters: URLSearchParams,
  { verify, useTicket }: Pick<AcceptOptions, "verify" | "useTicket">,
): Promise<{ whose: () => Promise<Caller | undefined> } & Pick<AcceptedUpgrade, "tokenEndsAt">> {
  const ticket = parameters.get(wsQuery.ticket) ?? "";
  if (ticket !== "") {
    const whose = useTicket(ticket);
    if (whose === undefined) throw new OmError("invalid_access_token");
    return { whose, tokenEndsAt: undefined };
  }
  const verifyNow: VerifyToken = (token) => verify(token, { isConnect: true });
  const caller = await authenticate(request, verifyNow, parameters.get(wsQuery.token) ?? "");
  const outlivesToken = caller.sessionId !== undefined && hasCredentials(request);
  return { whose: () => Promise.resolve(caller), tokenEndsAt: outlivesToken ? undefined : caller.tokenEndsAt };
}

function isHandshake({ method, headers }: IncomingMessage): boolean {
  return (
    method === "GET" &&
    headers.upgrade?.toLowerCase() === "websocket" &&
    headers["sec-websocket-version"] === "13" &&
    /^[+/0-9A-Za-z]{22}==$/.test(headers["sec-websocket-key"] ?? "")
  );
}

function commonHeaders(request: IncomingMessage): string[] {
  const { origin = "" } = request.headers;
  const cors =
    origin === ""
      ? []
      : [`Access-Control-Allow-Origin: ${origin.toLowerCase()}`, "Access-Control-Allow-Credentials: true"];
  return [`X-Request-ID: ${requestId(request)}`, "Vary: Origin", ...cors];
}

function refuse(request: IncomingMessage, raw: Duplex, { status, code, text, retryAfter = 0 }: Refusal): void {
  const common = commonHeaders(request).filter((line) => status !== 403 || !line.startsWith("Access-Control"));
  const requestId = common[0]?.slice("X-Request-ID: ".length);
  const body =
    code === undefined ? (text ?? "") : JSON.stringify({ error: errors[code].text, code, request_id: requestId });
  const type = code === undefined ? "text/plain; charset=utf-8" : "application/json";
  // Ending alone would leave the other half open for as long as the client likes.
  const cut = setTimeout(() => raw.destroy(), refusalTimeoutMs);
  raw.once("close", () => clearTimeout(cut));
  raw.resume();
  raw.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      ...common,
      `Content-Type: ${type}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      ...(retryAfter > 0 ? [`Retry-After: ${retryAfter}`] : []),
      "Connection: close",
      "",
      body,
    ].join("\r\n"),
    () => raw.destroy(),
  );
}
