import { createHash, createHmac, hkdfSync, randomBytes } from "node:crypto";
import type { AuthAnswer } from "@om/protocol";
import type { Clock } from "../platform/clock.ts";
import { cleanText, cutBytes } from "../platform/cut-text.ts";
import { OmError } from "../platform/om-error.ts";
import { DatabaseUnavailable } from "../platform/postgres/database.ts";
import type { AccessTokens } from "./access-token.ts";
import type { AccountStore } from "./account-store.ts";
import type { SessionStore } from "./session-store.ts";
import type { Profile, UserViews } from "./user-view.ts";

/** How long a refresh token is good, and for how long its predecessor still is, in ms. */
const lifetime = 7 * 24 * 3_600_000;
const grace = 60_000;
/** How many rotations a late request may be behind. */
const maxBehind = 20;

/** Logins on devices: issue, renew and end them. */
export interface Sessions {
  open(profile: Profile, userAgent: string): Promise<AuthAnswer>;
  /** @throws OmError `invalid_refresh` */
  renew(refreshToken: string): Promise<AuthAnswer>;
  /** Ends the session of a token; without a database too, because the client forgets its tokens anyway. */
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
 * was lost, all get the same successor: the one that is current by then, or a late answer would overwrite it in the client's
 * storage. After the grace a replaced token can only come from a thief or a copy: its session ends.
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
    return { userId: known.user_id, next: await currentAfter(next, now) };
  }

  async function currentAfter(token: string, now: number): Promise<string> {
    let current = token;
    for (let behind = 0; behind < maxBehind; behind += 1) {
      const row = await deps.sessions.find(hashOf(current), now);
      if (row === undefined || !row.live) break;
      if (row.replaced_ms === null) return current;
      current = successor(current);
    }
    throw new OmError("invalid_refresh");
  }

  return {
    async open(profile, userAgent) {
      const token = randomBytes(32).toString("base64url");
      const expiresAt = deps.now() + lifetime;
      const device = cutBytes(cleanText(userAgent), 300);
      await deps.sessions.open({ userId: profile.id, userAgent: device, tokenHash: hashOf(token), expiresAt });
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
      if (!isToken(refreshToken)) return;
      await deps.sessions.revokeByToken(hashOf(refreshToken)).catch((error: unknown) => {
        if (!(error instanceof DatabaseUnavailable)) throw error;
      });
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
