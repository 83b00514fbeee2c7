import { SignJWT } from "jose/jwt/sign";
import { jwtVerify } from "jose/jwt/verify";
import { LRUCache } from "lru-cache";
import type { Caller, VerifyToken } from "../platform/caller.ts";
import type { Clock } from "../platform/clock.ts";

/** How long an access token is good, in seconds. */
const accessTokenTtlSeconds = 900;

/**
 * HS256 tokens with the claims of wire contract §3.1 and `sid`, the session; a token of the old server has none. A verified token
 * is remembered until it expires.
 */
export function createAccessTokens(secret: string, now: Clock) {
  const key = new TextEncoder().encode(secret);
  const verifiedTokens = new LRUCache<string, { caller: Caller; expires: number }>({ max: 20_000 });
  // Holds more than end in the life of a token; no session lives twice, so an entry is never wrong.
  const ended = new LRUCache<number, true>({ max: 100_000 });
  const unlessEnded = (caller: Caller): Caller | undefined =>
    caller.sessionId !== undefined && ended.has(caller.sessionId) ? undefined : caller;
  /** Whose token it is, if it was verified here before and is still good. */
  const known = (token: string): Caller | undefined => {
    const hit = verifiedTokens.get(token);
    return hit !== undefined && hit.expires * 1000 > now() ? unlessEnded(hit.caller) : undefined;
  };
  return {
    issue: ({ userId, email, role, sessionId }: Caller): Promise<string> =>
      new SignJWT({ email, role, user_id: userId, ...(sessionId === undefined ? {} : { sid: sessionId }) })
        .setProtectedHeader({ alg: "HS256", typ: "JWT" })
        .setExpirationTime(Math.floor(now() / 1000) + accessTokenTtlSeconds)
        .sign(key),
    known,
    async verify(token: string): ReturnType<VerifyToken> {
      const hit = known(token);
      if (hit !== undefined) return hit;
      if (token.length > 4096) return undefined;
      const options = { algorithms: ["HS256"], requiredClaims: ["exp"], currentDate: new Date(now()) };
      const verified = await jwtVerify(token, key, options).catch(() => undefined);
      const claims = verified?.payload;
      const userId = id(claims?.["user_id"]);
      if (claims?.exp === undefined || userId === undefined) return undefined;
      const sessionId = id(claims["sid"]);
      const caller = { userId, email: text(claims["email"]), role: text(claims["role"]), sessionId };
      verifiedTokens.set(token, { caller, expires: claims.exp });
      return unlessEnded(caller);
    },
    /**
     * From now on this process refuses the tokens of sessions that ended. Other nodes are told by the bus; one that has not heard of it,
     * or was restarted, or has seen very many sessions end since, takes them until they expire.
     */
    refuse(sessionIds: readonly number[]): void {
      for (const sessionId of sessionIds) ended.set(sessionId, true);
    },
  };
}
export type AccessTokens = ReturnType<typeof createAccessTokens>;

function id(claim: unknown): number | undefined {
  return typeof claim === "number" && Number.isSafeInteger(claim) && claim >= 1 ? claim : undefined;
}

function text(claim: unknown): string {
  return typeof claim === "string" ? claim : "";
}
