import { createHash, createHmac, hkdfSync, randomBytes } from "node:crypto";
import type { AuthAnswer } from "@om/protocol";
import type { Clock } from "../platform/clock.ts";
import { OmError } from "../platform/om-error.ts";
import type { AccessTokens } from "./access-token.ts";
import type { AccountStore } from "./account-store.ts";
import type { SessionStore } from "./session-store.ts";
import type { Profile, UserViews } from "./user-view.ts";

/** How long a refresh token is good, and for how long its predecessor still is, in ms. */
const lifetime = 7 * 24 * 3_600_000;
const grace = 60_000;

/** Logins on devices: issue, renew and end them. */
export interface Sessions {
  open(profile: Profile, userAgent: string): Promise<AuthAnswer>;
  /** @throws OmError `invalid_refresh` */
  renew(refreshToken: string): Promise<AuthAnswer>;
  end(refreshToken: string): Promise<void>;
  purge(): Promise<void>;
}

interface Deps {
  sessions: SessionStore;
  accounts: AccountStore;
  tokens: AccessTokens;
  views: UserViews;
  secret: string;
  now: Clock;
}

/**
 * The successor of a refresh token is computed from it, so refreshers that use one token side by side, or again because the answer
 * was lost, all get the same successor. After the grace a replaced token can only come from a thief or a copy: its session ends.
 */
export function createSessions(deps: Deps): Sessions {
  const key = Buffer.from(hkdfSync("sha256", deps.secret, "", "om refresh token successor", 32));
  const successor = (token: string): string => createHmac("sha256", key).update(token).digest("base64url");

  async function answer(profile: Profile, refreshToken: string): Promise<AuthAnswer> {
    const caller = { userId: profile.id, email: profile.email, role: profile.role };
    return {
      access_token: await deps.tokens.issue(caller),
      refresh_token: refreshToken,
      user: deps.views.user(profile, profile.id),
    };
  }

  async function renewedBy(token: string): Promise<{ userId: number; next: string }> {
    const now = deps.now();
    const next = successor(token);
    const rotated = await deps.sessions.rotate(hashOf(token), hashOf(next), { now, expiresAt: now + lifetime });
    if (rotated !== undefined) return { userId: rotated.user_id, next };
    const known = await deps.sessions.find(hashOf(token), now);
    if (known === undefined || !known.live || known.replaced_ms === null) throw new OmError("invalid_refresh");
    if (now - known.replaced_ms > grace) {
      await deps.sessions.revoke(known.session_id);
      throw new OmError("invalid_refresh");
    }
    return { userId: known.user_id, next };
  }

  return {
    async open(profile, userAgent) {
      const token = randomBytes(32).toString("base64url");
      const expiresAt = deps.now() + lifetime;
      const session = { userId: profile.id, userAgent: userAgent.slice(0, 300), tokenHash: hashOf(token), expiresAt };
      await deps.sessions.open(session);
      return answer(profile, token);
    },
    async renew(refreshToken) {
      if (!isToken(refreshToken)) throw new OmError("invalid_refresh");
      const { userId, next } = await renewedBy(refreshToken);
      const profile = await deps.accounts.byId(userId);
      if (profile === undefined) throw new OmError("invalid_refresh");
      return answer(profile, next);
    },
    async end(refreshToken) {
      if (isToken(refreshToken)) await deps.sessions.revokeByToken(hashOf(refreshToken));
    },
    purge: () => deps.sessions.purge(deps.now()),
  };
}

function isToken(text: string): boolean {
  return text.length > 0 && text.length <= 200;
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}
