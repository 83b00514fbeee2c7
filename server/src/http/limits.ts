import { isIPv6 } from "node:net";
import type { Route } from "@om/protocol";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Config } from "../config.ts";
import type { Caller } from "../platform/caller.ts";
import { createRateLimit, type RateLimit } from "../platform/rate-limit.ts";
import { sendText } from "./responses.ts";
import { pathOf } from "./routed-url.ts";

/** The buckets of wire contract §2.6. */
export type Limits = Record<NonNullable<Route["limit"]>, RateLimit>;

type LimitSettings = Pick<Config, "authLimit" | "namesLimit" | "avatarLimit" | "attachmentLimit">;
const perUser: ReadonlySet<string> = new Set<keyof Limits>(["avatar", "attachment"]);

export function createLimits(config: LimitSettings, now: () => number): Limits {
  const [minute, tenMinutes] = [60_000, 600_000];
  return {
    auth: createRateLimit({ limit: config.authLimit, windowMs: minute, now }),
    names: createRateLimit({ limit: config.namesLimit, windowMs: minute, now }),
    avatar: createRateLimit({ limit: config.avatarLimit, windowMs: tenMinutes, now }),
    attachment: createRateLimit({ limit: config.attachmentLimit, windowMs: tenMinutes, now }),
  };
}

/**
 * Counts the attempt and says so in headers; unknown paths that begin with /api/auth count like known ones.
 * To be asked twice: without a caller, for buckets of addresses, and once the caller is known, for those of users.
 * @returns true when it was one too many and has been answered
 */
export function limitReached(
  request: FastifyRequest,
  reply: FastifyReply,
  { limits, route, caller }: { limits: Limits; route: Route | undefined; caller?: Caller | undefined },
): boolean {
  const bucket = route?.limit ?? (pathOf(request.url).startsWith("/api/auth") ? "auth" : undefined);
  if (bucket === undefined || perUser.has(bucket) !== (caller !== undefined)) return false;
  const state = limits[bucket].consume(caller === undefined ? networkOf(request.ip) : String(caller.userId));
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

/**
 * Whom an address belongs to: of IPv4 the address itself, of IPv6 the /64 network, because its owner has every address in it; "" when
 * the connection is gone, of which Fastify's types know nothing.
 */
export function networkOf(address: string | undefined): string {
  if (address === undefined) return "";
  const plain = /^(?:::ffff:)?(\d+\.\d+\.\d+\.\d+)(?::\d+)?$/i.exec(address)?.[1];
  if (plain !== undefined) return plain;
  if (!isIPv6(address)) return address.slice(0, 64);
  const [head = "", tail] = address.toLowerCase().split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array<string>(tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length)).fill("0");
  return `${[...left, ...zeros, ...right].slice(0, 4).join(":")}::/64`;
}
