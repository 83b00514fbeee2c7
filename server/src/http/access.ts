import { timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Route } from "@om/protocol";
import type { Caller, VerifyToken } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { parseCookies } from "./cookies.ts";
import type { IsAllowedOrigin } from "./origin.ts";

export interface AccessRules {
  verify: VerifyToken;
  isAllowed: IsAllowedOrigin;
  csrfMode: "token" | "origin" | "off";
}

type Asked = Pick<IncomingMessage, "headers">;

/**
 * Who calls: the Authorization header, which must be right if it is there, else the cookie, else `fallback`.
 * @throws OmError one of the three 401s
 */
export async function authenticate({ headers }: Asked, verify: VerifyToken, fallback = ""): Promise<Caller> {
  const header = headers.authorization ?? "";
  const [, bearer] = /^Bearer ([^ ]+)$/.exec(header) ?? [];
  if (header !== "" && bearer === undefined) throw new OmError("invalid_authorization");
  const token = bearer ?? (parseCookies(headers.cookie).access || fallback);
  if (token === "") throw new OmError("missing_access_token");
  const caller = await verify(token);
  if (caller === undefined) throw new OmError("invalid_access_token");
  return caller;
}

/** Whether header or cookie say who calls, so that `authenticate` needs no fallback. */
export function hasCredentials({ headers }: Asked): boolean {
  return (headers.authorization ?? "") !== "" || parseCookies(headers.cookie).access !== "";
}

/** @throws OmError `forbidden_origin` */
export function checkOrigin({ headers }: Asked, isAllowed: IsAllowedOrigin): void {
  if (!isAllowed(headers.origin, headers.host)) throw new OmError("forbidden_origin");
}

/**
 * An unsafe request of a browser must come from our own page. Without an Origin no browser is at work; with a bearer token in the
 * header no cookie was needed, so nobody can have been tricked.
 * @throws OmError `forbidden_origin`, `csrf_required`, `csrf_invalid`
 */
export function checkCsrf(request: Asked, rules: AccessRules): void {
  const { headers } = request;
  if (rules.csrfMode === "off" || (headers.origin ?? "") === "" || (headers.authorization ?? "") !== "") return;
  checkOrigin(request, rules.isAllowed);
  if (rules.csrfMode === "origin") return;
  const cookie = parseCookies(headers.cookie).csrf;
  const given = headers["x-om-csrf"];
  if (cookie === "" || typeof given !== "string" || given === "") throw new OmError("csrf_required");
  if (!isSame(cookie, given)) throw new OmError("csrf_invalid");
}

/** Compares secrets in a time that tells nothing of them. */
export function isSame(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.length === y.length && timingSafeEqual(x, y);
}

/** What a route asks of its caller before the body is read, in the order of wire contract §2.1. */
export async function authorize(request: Asked, route: Route, rules: AccessRules): Promise<Caller | undefined> {
  const caller = route.auth === "token" ? await authenticate(request, rules.verify) : undefined;
  if (route.csrf) checkCsrf(request, rules);
  return caller;
}
