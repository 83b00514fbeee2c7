import { isIPv6 } from "node:net";
import type { Route } from "@om/protocol";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Config } from "../config.ts";
import type { Allowances } from "../platform/allowances.ts";
import type { Caller } from "../platform/caller.ts";
import type { Clock } from "../platform/clock.ts";
import { createRateLimit, type RateLimit } from "../platform/rate-limit.ts";
import type { SharedRates } from "../platform/rates/shared-rates.ts";
import { sendText } from "./responses.ts";
import { pathOf } from "./routed-url.ts";

type LimitSettings = Pick<Config, "authLimit" | "namesLimit" | "avatarLimit" | "attachmentLimit">;
const perUser: ReadonlySet<string> = new Set(["avatar", "attachment"]);
/** How many times as much as one IPv6 network of a home may come from all those of a /48, which may be one customer's too. */
const wideFactor = 4;

/** The windows of wire contract §2.6; everything else that is counted is an allowance. */
export function createLimits(config: LimitSettings, now: Clock, shared: Pick<SharedRates, "count">) {
  const window = (name: string, limit: number, minutes: number) =>
    createRateLimit({ name, limit, windowMs: minutes * 60_000, now, shared });
  return {
    auth: window("auth", config.authLimit, 1),
    // Everybody behind one address renews several times an hour, and nothing can be guessed there.
    refresh: window("refresh", 10 * config.authLimit, 1),
    names: window("names", config.namesLimit, 1),
    avatar: window("avatar", config.avatarLimit, 10),
    attachment: window("attachment", config.attachmentLimit, 10),
  };
}
export type Limits = ReturnType<typeof createLimits>;

const windows: ReadonlySet<string> = new Set<keyof Limits>(["auth", "refresh", "names", "avatar", "attachment"]);
const isWindow = (limit: NonNullable<Route["limit"]>): limit is keyof Limits => windows.has(limit);

/**
 * Counts the attempt and says so in headers; unknown paths that begin with /api/auth count like known ones.
 * To be asked twice: without a caller, for windows of addresses, and once the caller is known, for those of users.
 * @returns true when it was one too many and has been answered; undefined: nothing is counted
 */
export function limitReached(
  request: FastifyRequest,
  reply: FastifyReply,
  { limits, route, caller }: { limits: Limits; route: Route | undefined; caller?: Caller | undefined },
): Promise<boolean> | undefined {
  const name = route?.limit ?? (pathOf(request.url).startsWith("/api/auth") ? "auth" : undefined);
  if (name === undefined || !isWindow(name) || perUser.has(name) !== (caller !== undefined)) return undefined;
  if (caller !== undefined) return isOneTooMany(reply, [limits[name].consume({ userId: caller.userId })]);
  const network = networkOf(request.ip);
  const counts = [limits[name].consume({ address: network })];
  if (network.endsWith("::/64")) counts.push(limits[name].consume({ address: networkOf(request.ip, 48) }, wideFactor));
  return isOneTooMany(reply, counts);
}

/** The headers tell the first count. */
async function isOneTooMany(reply: FastifyReply, counts: ReturnType<RateLimit["consume"]>[]): Promise<boolean> {
  const states = await Promise.all(counts);
  const [state] = states;
  if (state === undefined) return false;
  const exceeded = states.find((one) => one?.exceeded);
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
