import type { AuthAnswer } from "@om/protocol";
import type { SessionEnd } from "../delivery/push.ts";
import type { Caller } from "../platform/caller.ts";
import type { Clock } from "../platform/clock.ts";
import { cleanText, cutBytes } from "../platform/cut-text.ts";
import { OmError } from "../platform/om-error.ts";
import { DatabaseUnavailable } from "../platform/postgres/database.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import type { AccessTokens } from "./access-token.ts";
import type { AccountStore } from "./account-store.ts";
import { createRotation } from "./rotation.ts";
import { newToken, tokenHash } from "./secret-token.ts";
import type { SessionStore } from "./session-store.ts";
import { ticketTtlSeconds, type Tickets } from "./tickets.ts";
import type { Profile, UserViews } from "./user-view.ts";

/** Lets everybody know who relies on sessions that ended: what to tell the sockets, and which sessions' tokens to refuse. */
export type PublishSessionEnd = (event: SessionEnd, sessionIds: readonly number[]) => void;

interface Deps {
  sessions: SessionStore;
  accounts: AccountStore;
  tokens: AccessTokens;
  tickets: Tickets;
  views: UserViews;
  publishSessionEnd: PublishSessionEnd;
  telemetry: Pick<Telemetry, "security">;
  secret: string;
  previousSecret: string;
  now: Clock;
}

/** Logins on devices: issue, renew and end them. */
export function createSessions(deps: Deps) {
  const publishEnd = (userId: number, sessionId: number): void =>
    deps.publishSessionEnd({ userId, ended: { sessionId } }, [sessionId]);
  const onReuse = (userId: number, sessionId: number): void => {
    deps.telemetry.security("session_ended", { user: userId, session: sessionId, refused: "reused_refresh_token" });
    publishEnd(userId, sessionId);
  };
  const rotate = createRotation({ ...deps, onReuse });

  async function answer(profile: Profile, sessionId: number, refreshToken: string): Promise<AuthAnswer> {
    return {
      access_token: await deps.tokens.issue({ userId: profile.id, role: profile.role, sessionId }),
      refresh_token: refreshToken,
      user: await deps.views.alone(profile, profile.id),
    };
  }

  return {
    /** Undefined when the account's password hash is not `passwordHash` any more: who proved the old password gets no session. */
    async open({ profile, passwordHash }: { profile: Profile; passwordHash: string }, userAgent: string) {
      const token = newToken();
      const device = { userId: profile.id, userAgent: cutBytes(cleanText(userAgent), 300) };
      const id = await deps.sessions.open({ ...device, tokenHash: tokenHash(token), passwordHash, now: deps.now() });
      return id === undefined ? undefined : answer(profile, id, token);
    },
    /** @throws OmError `invalid_refresh` */
    async renew(refreshToken: string) {
      if (!isToken(refreshToken)) throw new OmError("invalid_refresh");
      const { userId, sessionId, next } = await rotate(refreshToken);
      const profile = await deps.accounts.byId(userId);
      if (profile === undefined) throw new OmError("invalid_refresh");
      return answer(profile, sessionId, next);
    },
    /** Ends the session of a token; without a database too, because the client forgets its tokens anyway. */
    async end(refreshToken: string): Promise<void> {
      if (!isToken(refreshToken)) return;
      const ended = await deps.sessions.endByToken(tokenHash(refreshToken)).catch((error: unknown) => {
        if (!(error instanceof DatabaseUnavailable)) throw error;
        return undefined;
      });
      if (ended !== undefined) publishEnd(ended.user_id, ended.id);
    },
    /** A ticket that opens one socket of the caller's session soon. @throws OmError `unauthorized` for a token that names no session */
    async ticket({ sessionId }: Pick<Caller, "sessionId">): Promise<{ ticket: string; expires_in: number }> {
      if (sessionId === undefined) throw new OmError("unauthorized");
      return { ticket: deps.tickets.issue(sessionId), expires_in: ticketTtlSeconds };
    },
    purge: () => deps.sessions.purge(deps.now()),
  };
}
export type Sessions = ReturnType<typeof createSessions>;

function isToken(text: string): boolean {
  return text.length > 0 && text.length <= 200;
}
