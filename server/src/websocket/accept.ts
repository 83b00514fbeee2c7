import { STATUS_CODES, type IncomingMessage, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { errors, limits, wsQuery, type ErrorCode } from "@om/protocol";
import { WebSocketServer, type WebSocket } from "ws";
import { authenticate, checkOrigin } from "../http/access.ts";
import { requestId } from "../http/responses.ts";
import type { IsAllowedOrigin } from "../http/origin.ts";
import type { Caller, VerifyToken } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { TooMany } from "../platform/rate-limit.ts";

/** An upgrade request that was let in. */
export interface AcceptedUpgrade {
  ws: WebSocket;
  raw: Duplex;
  caller: Caller;
  gzip: boolean;
  resuming: boolean;
}

export interface AcceptOptions {
  isAllowed: IsAllowedOrigin;
  verify: VerifyToken;
  /** Waits for a user who has opened many. @throws OmError `rate_limited` */
  throttle: (caller: Caller) => Promise<void>;
  /** False while the server stops or is full: answered with 503. */
  hasCapacity: () => boolean;
  open: (accepted: AcceptedUpgrade) => void;
}

/** How long a refused client may take to read the answer, in ms. */
const refusalTimeoutMs = 2_000;

type Refusal = { status: number; code?: ErrorCode; text?: string; retryAfter?: number };

/** Answers upgrade requests on /ws: origin, then token, then the handshake itself (wire contract §4.1). */
export function acceptUpgrades(server: Server, options: AcceptOptions): void {
  // Without permessage-deflate: frames are compressed once per push, not once per socket.
  // Pongs wait in the send queue like every answer, where what nobody reads has a bound.
  const frames = { perMessageDeflate: false, maxPayload: limits.frameHardBytes, autoPong: false };
  const sockets = new WebSocketServer({ noServer: true, ...frames });
  sockets.on("headers", (headers, request) => headers.push(...commonHeaders(request)));
  server.on("upgrade", (request, raw, head) => {
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
        if ("status" in verdict) return refuse(request, raw, verdict);
        raw.removeListener("error", onEarlyError);
        sockets.handleUpgrade(request, raw, head, (ws) => options.open({ ws, raw, ...verdict }));
      });
  });
}

/** @throws OmError of the answers that have a code */
async function authorizeUpgrade(
  request: IncomingMessage,
  options: AcceptOptions,
): Promise<Refusal | { caller: Caller; gzip: boolean; resuming: boolean }> {
  const [path = "", query = ""] = (request.url ?? "").split("?", 2);
  if (!/^\/ws\/*$/i.test(path)) return { status: 404, text: "Not Found" };
  const parameters = new URLSearchParams(query);
  checkOrigin(request, options.isAllowed);
  const caller = await authenticate(request, options.verify, parameters.get(wsQuery.token) ?? "");
  if (!isHandshake(request)) return { status: 426, text: "Upgrade Required" };
  await options.throttle(caller);
  if (!options.hasCapacity()) throw new OmError("unavailable");
  return {
    caller,
    gzip: parameters.get(wsQuery.gzip) === "1" || request.headers["x-supports-gzip"] === "1",
    resuming: parameters.get(wsQuery.resume) === "1",
  };
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
