import { randomBytes, randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { AuthAnswer, Route, RouteName } from "@om/protocol";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { FileResponse } from "../platform/file-response.ts";
import { isJsonText } from "../platform/json-text.ts";
import { isHttps, parseCookies, type Cookies } from "./cookies.ts";
import { sendFile } from "./files.ts";
import type { WithEtag } from "../platform/route-handlers.ts";

/** The name that a request gave itself, or a new one. */
export function requestId({ headers }: Pick<IncomingMessage, "headers">): string {
  const given = headers["x-request-id"];
  return typeof given === "string" && /^[\x20-\x7e]{1,200}$/.test(given) ? given : randomUUID();
}

/** Of every response: names and values in turn. */
export const commonHeaders = (publicUrl: string): string[] => [
  "x-content-type-options",
  "nosniff",
  "referrer-policy",
  "no-referrer",
  ...(isHttps(publicUrl) ? ["strict-transport-security", "max-age=31536000"] : []),
];

/** Nobody keeps an answer, unless it is one's own profile or says otherwise. */
export const cacheHeaders = (route?: string): string[] => [
  "cache-control",
  route === "me" ? "private, max-age=0, must-revalidate" : "private, no-store",
];

export const etagHeaders = (etag: string): string[] => ["etag", `W/"${etag}"`];

/** @param lines names and values in turn */
export function addHeaders(reply: FastifyReply, lines: readonly string[]): void {
  for (let i = 0; i < lines.length; i += 2) void reply.header(lines[i] ?? "", lines[i + 1]);
}

/** Sends a JSON value, or JSON text that is there already, without a charset, as the contract has it. */
export function sendJson(reply: FastifyReply, status: number, value: unknown): FastifyReply {
  const text = isJsonText(value) ? value.json : JSON.stringify(value);
  return reply
    .code(status)
    .header("content-type", "application/json")
    .send(typeof text === "string" ? Buffer.from(text) : text);
}

export function sendText(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.code(status).header("content-type", "text/plain; charset=utf-8").send(Buffer.from(text));
}

/** Sends what a route's use-case answered, with the cookies that belong to it. */
export function sendResponse(
  answer: unknown,
  to: { request: FastifyRequest; reply: FastifyReply; name: RouteName; route: Route },
  cookies: Cookies,
): FastifyReply | Promise<FastifyReply> {
  const { request, reply, name, route } = to;
  if (route.file) return sendFile(answer as FileResponse, request, reply);
  if (name === "me") {
    addHeaders(reply, cacheHeaders(name));
    return sendWithEtag(answer as WithEtag<unknown>, request, reply);
  }
  if (isJsonText(answer) && answer.etag !== undefined) {
    return sendWithEtag({ body: answer, etag: answer.etag }, request, reply);
  }
  if (name === "register" || name === "login" || name === "refresh") {
    const tokens = answer as AuthAnswer;
    // A refresh keeps the CSRF token, or requests on their way would fail when they are tried again.
    const kept = name === "refresh" ? currentCsrfToken(request) : undefined;
    const csrf = kept ?? newCsrfToken();
    const session = { access: tokens.access_token, refresh: tokens.refresh_token, csrf };
    void reply.header("set-cookie", cookies.session(session));
  }
  if (name === "csrf") void reply.header("set-cookie", cookies.csrf(newCsrfToken()));
  if (name === "logout" || name === "deleteAccount") void reply.header("set-cookie", cookies.cleared());
  return sendJson(reply, route.status, answer);
}

function sendWithEtag({ body, etag }: WithEtag<unknown>, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  addHeaders(reply, etagHeaders(etag));
  return matchesEtag(request, etag) ? reply.code(304).send() : sendJson(reply, 200, body);
}

/** Whether If-None-Match names the tag: lists of tags, weak and strong, with and without quotes; `*` asks about existence and is no tag. */
export function matchesEtag({ headers }: Pick<IncomingMessage, "headers">, etag: string): boolean {
  const known = (headers["if-none-match"] ?? "")
    .split(",")
    .map((entry) => entry.trim().replace(/^W\//i, "").replaceAll('"', ""));
  return known.includes(etag);
}

/** The cookie's value as it is, if it can be set again without changing its meaning. */
function currentCsrfToken({ headers }: FastifyRequest): string | undefined {
  const { csrf } = parseCookies(headers.cookie);
  return /^[\w-]{20,128}$/.test(csrf) ? csrf : undefined;
}

function newCsrfToken(): string {
  return randomBytes(32).toString("base64url");
}
