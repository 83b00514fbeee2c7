import { SignJWT } from "jose/jwt/sign";
import { jwtVerify } from "jose/jwt/verify";
import type { Caller } from "../platform/caller.ts";
import type { Clock } from "../platform/clock.ts";
import type { SessionRef } from "./session-store.ts";

/** How long an access token is good, in seconds. */
export const accessTokenTtlSeconds = 900;

/** What an access token says; `sessionId` is undefined in a token of the old server. `endsAt`: in ms since 1970. */
interface AccessClaims extends SessionRef {
  role: string;
  endsAt: number;
}

/**
 * HS256 tokens with the claims of wire contract §3.1, without the e-mail, which no client reads there, and with `sid`, the session; a token of the
 * old server has none.
 * @param previous a second key whose tokens are taken too; "": none
 */
export function createAccessTokens(secret: string, now: Clock, previous = "") {
  const [key = new Uint8Array(), ...others] = [secret, ...(previous === "" ? [] : [previous])].map((text) =>
    new TextEncoder().encode(text),
  );
  const verified = (token: string, by: Uint8Array) =>
    jwtVerify(token, by, { algorithms: ["HS256"], requiredClaims: ["exp"], currentDate: new Date(now()) }).catch(
      () => undefined,
    );
  return {
    issue: ({ userId, role, sessionId }: Pick<Caller, "userId" | "role" | "sessionId">): Promise<string> =>
      new SignJWT({ role, user_id: userId, ...(sessionId === undefined ? {} : { sid: sessionId }) })
        .setProtectedHeader({ alg: "HS256", typ: "JWT" })
        .setExpirationTime(Math.floor(now() / 1000) + accessTokenTtlSeconds)
        .sign(key),
    /** What a token says; undefined when it is forged, expired or malformed. Says nothing of the session. */
    async read(token: string): Promise<AccessClaims | undefined> {
      if (token.length > 4096) return undefined;
      let claims = (await verified(token, key))?.payload;
      for (const other of others) claims ??= (await verified(token, other))?.payload;
      const userId = id(claims?.["user_id"]);
      if (claims?.exp === undefined || userId === undefined) return undefined;
      const { exp, role, sid } = claims;
      return { userId, role: typeof role === "string" ? role : "", sessionId: id(sid), endsAt: exp * 1000 };
    },
  };
}
export type AccessTokens = ReturnType<typeof createAccessTokens>;

function id(claim: unknown): number | undefined {
  return typeof claim === "number" && Number.isSafeInteger(claim) && claim >= 1 ? claim : undefined;
}
