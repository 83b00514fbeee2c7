import { jwtVerify, SignJWT } from "jose";
import { LRUCache } from "lru-cache";
import type { Caller, VerifyToken } from "../platform/caller.ts";
import type { Clock } from "../platform/clock.ts";

/** How long an access token is good, in seconds. */
const lifetime = 900;

export interface AccessTokens {
  issue(caller: Caller): Promise<string>;
  verify: VerifyToken;
}

/** HS256 tokens with the claims of wire contract §3.1. A verified token is remembered until it expires. */
export function createAccessTokens(secret: string, now: Clock): AccessTokens {
  const key = new TextEncoder().encode(secret);
  const known = new LRUCache<string, { caller: Caller; expires: number }>({ max: 20_000 });
  return {
    issue: ({ userId, email, role }) =>
      new SignJWT({ email, role, user_id: userId })
        .setProtectedHeader({ alg: "HS256", typ: "JWT" })
        .setExpirationTime(Math.floor(now() / 1000) + lifetime)
        .sign(key),
    async verify(token) {
      const hit = known.get(token);
      if (hit !== undefined && hit.expires * 1000 > now()) return hit.caller;
      if (token.length > 4096) return undefined;
      const options = { algorithms: ["HS256"], requiredClaims: ["exp"], currentDate: new Date(now()) };
      const verified = await jwtVerify(token, key, options).catch(() => undefined);
      const claims = verified?.payload;
      const userId = claims?.["user_id"];
      if (claims?.exp === undefined || typeof userId !== "number" || !Number.isSafeInteger(userId) || userId < 1) {
        return undefined;
      }
      const caller = { userId, email: text(claims["email"]), role: text(claims["role"]) };
      known.set(token, { caller, expires: claims.exp });
      return caller;
    },
  };
}

function text(claim: unknown): string {
  return typeof claim === "string" ? claim : "";
}
