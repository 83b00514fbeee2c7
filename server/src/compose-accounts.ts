import { login } from "./accounts/login.ts";
import { accountStore } from "./accounts/account-store.ts";
import type { AccessTokens } from "./accounts/access-token.ts";
import { changePassword } from "./accounts/change-password.ts";
import { credentialStore } from "./accounts/credential-store.ts";
import { deleteAccount } from "./accounts/delete-account.ts";
import { endOtherSessions, endSession, listSessions } from "./accounts/own-sessions.ts";
import { createPasswords } from "./accounts/passwords.ts";
import { checkUsername, getUser, me, searchUsers, updateMe } from "./accounts/profile.ts";
import { register } from "./accounts/register.ts";
import { sessionStore } from "./accounts/session-store.ts";
import { createSessions, type AnnounceEnd } from "./accounts/sessions.ts";
import type { UserViews } from "./accounts/user-view.ts";
import type { CacheWrites } from "./cache/write-marks.ts";
import type { Config } from "./config.ts";
import type { Handlers } from "./http/handlers.ts";
import type { Clock } from "./platform/clock.ts";
import type { Database } from "./platform/postgres/database.ts";
import { createRateLimit } from "./platform/rate-limit.ts";

type AccountRoutes =
  | "csrf"
  | "register"
  | "login"
  | "refresh"
  | "logout"
  | "checkUsername"
  | "me"
  | "updateMe"
  | "searchUsers"
  | "user"
  | "sessions"
  | "endSession"
  | "endOtherSessions"
  | "changePassword"
  | "deleteAccount";

/** What the transports are given of accounts. */
export interface Accounts {
  routes: Pick<Handlers, AccountRoutes>;
  /** Forgets sessions that can no longer be used. */
  purge: () => Promise<void>;
}

export function composeAccounts(deps: {
  config: Config;
  db: Database;
  writes: CacheWrites;
  tokens: AccessTokens;
  views: UserViews;
  secret: string;
  now: Clock;
  /** Closes the sockets of sessions that ended, on every node, and lets the other nodes refuse their tokens. */
  endSockets: AnnounceEnd;
  /** Takes a user out of every group and deletes the avatar; may be called again. */
  beforeClosing: (userId: number) => Promise<void>;
}): Accounts {
  const { config, db, tokens, views, secret, now } = deps;
  const { passwordMinLength } = config;
  const accounts = accountStore(db, deps.writes);
  const store = sessionStore(db);
  const passwords = createPasswords();
  const announceEnd: AnnounceEnd = (event, sessionIds) => {
    tokens.refuse(sessionIds);
    deps.endSockets(event, sessionIds);
  };
  const sessions = createSessions({ sessions: store, accounts, tokens, views, announceEnd, secret, now });
  const failures = createRateLimit({ limit: config.loginLimit, windowMs: 15 * 60_000, now });
  const profiles = { accounts, views };
  const open = { sessions: store, announceEnd, now };
  const owner = { credentials: credentialStore(db, deps.writes), passwords, failures, announceEnd };
  const { beforeClosing } = deps;
  return {
    purge: () => sessions.purge(),
    routes: {
      csrf: async () => ({ ok: true }),
      register: ({ body, userAgent }) =>
        register({ accounts, passwords, sessions, passwordMinLength }, body, userAgent),
      login: ({ body, userAgent, address }) =>
        login({ accounts, passwords, sessions, failures }, body, { userAgent, address }),
      refresh: ({ refreshToken }) => sessions.renew(refreshToken),
      logout: async ({ refreshToken }) => {
        await sessions.end(refreshToken);
        return { ok: true };
      },
      checkUsername: ({ query }) => checkUsername(accounts, query.username),
      me: ({ caller }) => me(profiles, caller),
      updateMe: ({ caller, body }) => updateMe(profiles, caller, body),
      searchUsers: ({ caller, query }) => searchUsers(profiles, caller, query),
      user: ({ caller, params }) => getUser(profiles, caller, params.identifier),
      sessions: ({ caller }) => listSessions(open, caller),
      endSession: ({ caller, params }) => endSession(open, caller, params.id),
      endOtherSessions: ({ caller }) => endOtherSessions(open, caller),
      changePassword: ({ caller, body, address }) =>
        changePassword({ ...owner, passwordMinLength, now }, caller, body, address),
      deleteAccount: ({ caller, body, address }) => deleteAccount({ ...owner, beforeClosing }, caller, body, address),
    },
  };
}
