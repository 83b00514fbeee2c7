import { isIPv6 } from "node:net";
import type { Route } from "@om/protocol";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Config } from "../config.ts";
import type { Allowances } from "../platform/allowances.ts";
import type { Caller } from "../platform/caller.ts";
import type { Clock } from "../platform/clock.ts";
import { createRateLimit } from "../platform/rate-limit.ts";
import { sendText } from "./responses.ts";
import { pathOf } from "./routed-url.ts";

type LimitSettings = Pick<Config, "authLimit" | "namesLimit" | "avatarLimit" | "attachmentLimit">;
const perUser: ReadonlySet<string> = new Set(["avatar", "attachment"]);
/** How many times as much as one IPv6 network of a home may come from all those of a /48, which may be one customer's too. */
const wideFactor = 4;

/** The windows of wire contract §2.6; everything else that is counted is an allowance. */
export function createLimits(config: LimitSettings, now: Clock) {
  const [minute, tenMinutes] = [60_000, 600_000];
  return {
    auth: createRateLimit({ limit: config.authLimit, windowMs: minute, now }),
    // Everybody behind one address renews several times an hour, and nothing can be guessed there.
    refresh: createRateLimit({ limit: 10 * config.authLimit, windowMs: minute, now }),
    names: createRateLimit({ limit: config.namesLimit, windowMs: minute, now }),
    avatar: createRateLimit({ limit: config.avatarLimit, windowMs: tenMinutes, now }),
    attachment: createRateLimit({ limit: config.attachmentLimit, windowMs: tenMinutes, now }),
  };
}
export type Limits = ReturnType<typeof createLimits>;

const windows: ReadonlySet<string> = new Set<keyof Limits>(["auth", "refresh", "names", "avatar", "attachment"]);
const isWindow = (limit: NonNullable<Route["limit"]>): limit is keyof Limits => windows.has(limit);

/**
 * Counts the attempt and says so in headers; unknown paths that begin with /api/auth count like known ones.
 * To be asked twice: without a caller, for windows of addresses, and once the caller is known, for those of users.
 * @returns true when it was one too many and has been answered
 */
export function limitReached(
  request: FastifyRequest,
  reply: FastifyReply,
  { limits, route, caller }: { limits: Limits; route: Route | undefined; caller?: Caller | undefined },
): boolean {
  const name = route?.limit ?? (pathOf(request.url).startsWith("/api/auth") ? "auth" : undefined);
  if (name === undefined || !isWindow(name) || perUser.has(name) !== (caller !== undefined)) return false;
  const limit = limits[name];
  const state = limit.consume(caller === undefined ? networkOf(request.ip) : String(caller.userId));
  if (state === undefined) return false;
  const wide =
    caller === undefined && networkOf(request.ip).endsWith("::/64")
      ? limit.consume(networkOf(request.ip, 48), wideFactor)
      : undefined;
  const exceeded = [state, wide].find((one) => one?.exceeded);
  if (exceeded !== undefined) {
    void sendText(reply.header("retry-after", exceeded.resetSeconds), 429, "Too Many Requests");
    return true;
  }
  void reply
    .header("x-ratelimit-limit", state.limit)
    .header("x-ratelimit-remaining", state.remaining)
    .header("x-ratelimit-reset", state.resetSeconds);
  return false;
}

/** Counts a request against what its user may do, and waits for whoever has been fast for long. @throws TooMany `rate_limited` */
export async function throttle(
  { allowances, pause }: { allowances: Allowances; pause: (ms: number) => Promise<void> },
  route: Route,
  { userId }: Caller,
): Promise<void> {
  const usual = route.method === "GET" ? "reads" : "changes";
  const kind = route.limit === undefined || isWindow(route.limit) ? usual : route.limit;
  const wait = allowances.of(userId).takeOrRefuse(kind);
  if (wait > 0) await pause(wait);
}

/** Making and writing a large answer costs as much as many small ones. */
export function countAnswer(allowances: Allowances, userId: number, bytes: number): void {
  if (bytes > 65_536) allowances.of(userId).take("reads", bytes / 65_536);
}

/**
 * Whom an address belongs to: of IPv4 the address itself; of IPv6 the network, because its owner has every address in it; "" when the
 * connection is gone, of which Fastify's types know nothing.
 * @param bits 64: what one line has; 48: what one customer may have
 */
export function networkOf(address: string | undefined, bits: 48 | 64 = 64): string {
  if (address === undefined) return "";
  const plain = /^(?:::ffff:)?(\d+\.\d+\.\d+\.\d+)(?::\d+)?$/i.exec(address)?.[1];
  if (plain !== undefined) return plain;
  if (!isIPv6(address)) return address.slice(0, 64);
  const [head = "", tail] = address.toLowerCase().split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array<string>(tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length)).fill("0");
  return `${[...left, ...zeros, ...right].slice(0, bits / 16).join(":")}::/${bits}`;
}
