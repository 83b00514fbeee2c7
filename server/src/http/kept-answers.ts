import type { IncomingMessage, ServerResponse } from "node:http";
import type { Allowances } from "../platform/allowances.ts";
import type { Caller } from "../platform/caller.ts";
import { parseCookies } from "./cookies.ts";
import { corsHeaders } from "./cors.ts";
import { countAnswer } from "./limits.ts";
import type { IsAllowedOrigin } from "./origin.ts";
import { cacheHeaders, etagHeaders, matchesEtag, requestId } from "./responses.ts";
import type { Transfers } from "./transfers.ts";

/** The bytes of an answer that was given before. */
export interface KeptAnswer {
  route: string;
  body: Buffer;
  etag: string;
}

/** Answers that were given before, to the same caller and the same address. */
export interface KeptAnswers {
  /** Who calls, if that was found out before and still holds. */
  knownCaller(token: string): Caller | undefined;
  find(caller: Caller, url: string): KeptAnswer | undefined;
  /** As it is now, made again if need be; undefined: the usual way tells. */
  current(answer: KeptAnswer): Promise<KeptAnswer | undefined>;
}

export interface Answered {
  id: string;
  route: string;
  status: number;
  ms: number;
}

/**
 * Answers a request before any router or hook is at work, when the caller and what he asks for are known: out of memory if the answer
 * is proven, else with what is made of it now. Everything else goes the usual way, which has the same rules in the same order.
 */
export function createKeptAnswers(deps: {
  /** undefined while the server starts or stops. */
  kept: () => KeptAnswers | undefined;
  isAllowed: IsAllowedOrigin;
  /** Of every answer: names and values in turn. */
  headers: readonly string[];
  sending: Transfers["sending"];
  allowances: Allowances;
  onAnswered: (request: IncomingMessage, answered: Answered, caller: Caller) => void;
}): (request: IncomingMessage, response: ServerResponse, otherwise: () => void) => void {
  const { isAllowed, allowances, onAnswered, sending } = deps;

  function send(
    request: IncomingMessage,
    response: ServerResponse,
    answer: KeptAnswer,
  ): Pick<Answered, "id" | "status"> {
    const { headers } = request;
    const id = requestId(request);
    const isKnown = headers["if-none-match"] !== undefined && matchesEtag(request, answer.etag);
    const lines = [
      "x-request-id",
      id,
      ...deps.headers,
      ...corsHeaders(headers, isAllowed),
      ...cacheHeaders(answer.route),
      ...etagHeaders(answer.etag),
    ];
    const status = isKnown ? 304 : 200;
    if (isKnown) response.writeHead(status, lines).end();
    else {
      lines.push("content-type", "application/json", "content-length", String(answer.body.length));
      response.writeHead(status, lines).end(answer.body);
    }
    return { id, status };
  }

  return (request, response, otherwise) => {
    const began = performance.now();
    const kept = deps.kept();
    const known = kept === undefined ? undefined : find(kept, request, { isAllowed, allowances });
    if (kept === undefined || known === undefined) return otherwise();
    const { caller } = known;
    kept.current(known.answer).then((current) => {
      // Whoever leaves too much unread is told so the usual way.
      if (
        current === undefined ||
        !sending(response, String(caller.userId), { bytes: current.body.length, streamed: false })
      )
        return otherwise();
      countAnswer(allowances, caller.userId, current.body.length);
      const sent = send(request, response, current);
      onAnswered(request, { ...sent, route: current.route, ms: performance.now() - began }, caller);
    }, otherwise);
  };
}

function find(
  kept: KeptAnswers,
  request: IncomingMessage,
  { isAllowed, allowances }: { isAllowed: IsAllowedOrigin; allowances: Allowances },
): { caller: Caller; answer: KeptAnswer } | undefined {
  const { method, url = "", headers } = request;
  if (method !== "GET" || headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined) {
    return undefined;
  }
  const { authorization } = headers;
  const token =
    authorization === undefined
      ? parseCookies(headers.cookie).access
      : authorization.startsWith("Bearer ")
        ? authorization.slice(7)
        : "";
  const caller = token === "" ? undefined : kept.knownCaller(token);
  if (caller === undefined || !isAllowed(headers.origin, headers.host)) return undefined;
  const answer = kept.find(caller, url);
  // Whoever has to wait for an answer does so the usual way.
  const isFree = answer !== undefined && allowances.of(caller.userId).takeIfFree("reads");
  return isFree ? { caller, answer } : undefined;
}
