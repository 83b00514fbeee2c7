import { randomUUID } from "node:crypto";
import { STATUS_CODES, type IncomingMessage, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { errors, limits, wsQuery, type ErrorCode } from "@om/protocol";
import { parse as parseCookies } from "cookie";
import { WebSocketServer, type WebSocket } from "ws";
import type { Caller, VerifyToken } from "../platform/caller.ts";

/** An upgrade request that was let in. */
export interface Accepted {
  ws: WebSocket;
  raw: Duplex;
  caller: Caller;
  gzip: boolean;
  resuming: boolean;
}

export interface AcceptOptions {
  isAllowed: (origin: string | undefined, host: string | undefined) => boolean;
  verify: VerifyToken;
  /** False while the server stops or is full: answered with 503. */
  hasRoom: () => boolean;
  open: (accepted: Accepted) => void;
}

/** How long a refused client may take to read the answer, in ms. */
const refusalDeadline = 2_000;

type Refusal = { status: number; code?: ErrorCode; text?: string };

/** Answers upgrade requests on /ws: origin, then token, then the handshake itself (wire contract §4.1). */
export function acceptUpgrades(server: Server, options: AcceptOptions): void {
  // Without permessage-deflate: frames are compressed once per push, not once per socket.
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: limits.frameHardBytes });
  sockets.on("headers", (headers, request) => headers.push(...commonHeaders(request)));
  server.on("upgrade", (request, raw, head) => {
    const onEarlyError = (): void => void raw.destroy();
    raw.on("error", onEarlyError);
    void judge(request, options)
      .catch((): Refusal => ({ status: 503, code: "unavailable" }))
      .then((verdict) => {
        if ("status" in verdict) return refuse(request, raw, verdict);
        raw.removeListener("error", onEarlyError);
        sockets.handleUpgrade(request, raw, head, (ws) => options.open({ ws, raw, ...verdict }));
      });
  });
}

async function judge(
  request: IncomingMessage,
  options: AcceptOptions,
): Promise<Refusal | { caller: Caller; gzip: boolean; resuming: boolean }> {
  const [path = "", query = ""] = (request.url ?? "").split("?", 2);
  if (!/^\/ws\/*$/i.test(path)) return { status: 404, text: "Not Found" };
  const parameters = new URLSearchParams(query);
  if (!options.isAllowed(request.headers.origin, request.headers.host))
    return { status: 403, code: "forbidden_origin" };
  const token = findToken(request, parameters);
  if (typeof token === "object") return token;
  const caller = await options.verify(token);
  if (caller === undefined) return { status: 401, code: "invalid_access_token" };
  if (!isHandshake(request)) return { status: 426, text: "Upgrade Required" };
  if (!options.hasRoom()) return { status: 503, code: "unavailable" };
  return {
    caller,
    gzip: parameters.get(wsQuery.gzip) === "1" || request.headers["x-supports-gzip"] === "1",
    resuming: parameters.get(wsQuery.resume) === "1",
  };
}

/** Header, then cookie, then query; a malformed header is not made good by a cookie. */
function findToken(request: IncomingMessage, parameters: URLSearchParams): string | Refusal {
  const header = request.headers.authorization;
  if (header !== undefined && header !== "") {
    const [, token] = /^Bearer ([^ ]+)$/.exec(header) ?? [];
    return token ?? { status: 401, code: "invalid_authorization" };
  }
  const cookie = parseCookies(request.headers.cookie ?? "")["om_access"];
  const token = cookie || parameters.get(wsQuery.token);
  return token || { status: 401, code: "missing_access_token" };
}

function isHandshake({ method, headers }: IncomingMessage): boolean {
  return (
    method === "GET" &&
    headers.upgrade?.toLowerCase() === "websocket" &&
    headers["sec-websocket-version"] === "13" &&
    /^[+/0-9A-Za-z]{22}==$/.test(headers["sec-websocket-key"] ?? "")
  );
}

function commonHeaders({ headers }: IncomingMessage): string[] {
  const given = headers["x-request-id"];
  const id = typeof given === "string" && /^[\x21-\x7e]{1,200}$/.test(given) ? given : randomUUID();
  const cors =
    headers.origin === undefined || headers.origin === ""
      ? []
      : [`Access-Control-Allow-Origin: ${headers.origin.toLowerCase()}`, "Access-Control-Allow-Credentials: true"];
  return [`X-Request-ID: ${id}`, "Vary: Origin", ...cors];
}

function refuse(request: IncomingMessage, raw: Duplex, { status, code, text }: Refusal): void {
  const common = commonHeaders(request).filter((line) => status !== 403 || !line.startsWith("Access-Control"));
  const requestId = common[0]?.slice("X-Request-ID: ".length);
  const body =
    code === undefined ? (text ?? "") : JSON.stringify({ error: errors[code].text, code, request_id: requestId });
  const type = code === undefined ? "text/plain; charset=utf-8" : "application/json";
  // Ending alone would leave the other half open for as long as the client likes.
  const cut = setTimeout(() => raw.destroy(), refusalDeadline);
  raw.once("close", () => clearTimeout(cut));
  raw.resume();
  raw.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      ...common,
      `Content-Type: ${type}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      ...(status === 503 ? ["Retry-After: 1"] : []),
      "Connection: close",
      "",
      body,
    ].join("\r\n"),
    () => raw.destroy(),
  );
}
