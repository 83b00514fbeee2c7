import { login } from "./accounts/login.ts";
import { accountStore } from "./accounts/account-store.ts";
import type { AccessTokens } from "./accounts/access-token.ts";
import { checkUsername } from "./accounts/check-username.ts";
import { createPasswords } from "./accounts/passwords.ts";
import { getUser, me, updateMe } from "./accounts/profile.ts";
import { register } from "./accounts/register.ts";
import { searchUsers } from "./accounts/search-users.ts";
import { sessionStore } from "./accounts/session-store.ts";
import { createSessions } from "./accounts/sessions.ts";
import type { UserViews } from "./accounts/user-view.ts";
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
  | "user";

/** What the transports are given of accounts. */
export interface Accounts {
  routes: Pick<Handlers, AccountRoutes>;
  /** Forgets sessions that can no longer be used. */
  purge: () => Promise<void>;
}

export function composeAccounts(deps: {
  config: Config;
  db: Database;
  tokens: AccessTokens;
  views: UserViews;
  secret: string;
  now: Clock;
}): Accounts {
  const { config, db, tokens, views, secret, now } = deps;
  const accounts = accountStore(db);
  const passwords = createPasswords();
  const sessions = createSessions({ sessions: sessionStore(db), accounts, tokens, views, secret, now });
  const failures = createRateLimit({ limit: config.loginLimit, windowMs: 15 * 60_000, now });
  const profiles = { accounts, views };
  return {
    purge: () => sessions.purge(),
    routes: {
      csrf: async () => ({ ok: true }),
      register: ({ body, userAgent }) =>
        register({ accounts, passwords, sessions, passwordMinLength: config.passwordMinLength }, body, userAgent),
      login: ({ body, userAgent, address }) =>
        login({ accounts, passwords, sessions, failures }, body, { userAgent, address }),
      refresh: ({ refreshToken }) => sessions.renew(refreshToken),
      logout: async ({ refreshToken }) => {
        await sessions.end(refreshToken);
        return { ok: true };
      },
      checkUsername: ({ query }) => checkUsername(accounts, query["username"]),
      me: ({ caller }) => me(profiles, caller),
      updateMe: ({ caller, body }) => updateMe(profiles, caller, body),
      searchUsers: ({ caller, query }) => searchUsers(profiles, caller, query),
      user: ({ caller, params }) => getUser(profiles, caller, params["identifier"] ?? ""),
    },
  };
}
