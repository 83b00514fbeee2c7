import { createAccessTokens } from "../accounts/access-token.ts";
import { sessionStore, type SessionStore } from "../accounts/session-store.ts";
import { createUserViews } from "../accounts/user-view.ts";
import { openCache } from "../cache/cache.ts";
import { composeAccounts } from "../compose-accounts.ts";
import { parseConfig } from "../config.ts";
import type { SessionEnd } from "../delivery/push.ts";
import type { Database } from "../platform/postgres/database.ts";
import { withoutRedis } from "./databases.ts";
import { openHttp, type Answer, type TestHttp } from "./http-server.ts";

/** Signs the tokens of `openAccounts`. */
export const testSecret = "a secret of the tests, long enough";

/** Accounts over HTTP on a database, with a clock that the test moves. */
export interface TestAccounts extends TestHttp {
  clock: { now: number };
  /** POST with a JSON body. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** A new account `<name>` with the e-mail `<name>@example.org` and the password `password of <name>`. */
  signUp(name: string): Promise<SignedUp>;
  /** POST /api/auth/refresh with the cookie. */
  refresh(token: string): Promise<Answer>;
  purge(): Promise<void>;
  /** What sockets were told of sessions that ended. */
  ends: SessionEnd[];
  /** Who was taken out of all groups. */
  left: number[];
  /** Until it is called with undefined, nobody can leave the groups. */
  failLeaving(error: Error | undefined): void;
  store: SessionStore;
}

export interface SignedUp {
  id: number;
  access: string;
  refresh: string;
  bearer: { authorization: string };
}

export async function openAccounts(db: Database, env: Record<string, string> = {}): Promise<TestAccounts> {
  const clock = { now: Date.now() };
  const now = (): number => clock.now;
  const config = parseConfig({ AUTH_LIMIT: "0", NAMES_LIMIT: "0", LOGIN_LIMIT: "0", ...env });
  const tokens = createAccessTokens(testSecret, now);
  const views = createUserViews({ exposeEmails: config.exposeEmails, lookup: async () => () => false });
  const ends: SessionEnd[] = [];
  const left: number[] = [];
  let failure: Error | undefined;
  const { writes } = await openCache({ db, ...withoutRedis });
  const accounts = composeAccounts({
    config,
    db,
    writes,
    tokens,
    views,
    secret: testSecret,
    now,
    endSockets: (event) => void ends.push(event),
    async beforeClosing(userId) {
      if (failure !== undefined) throw failure;
      left.push(userId);
    },
  });
  const http = await openHttp({ env, handlers: accounts.routes, verify: tokens.verify, now });
  const post: TestAccounts["post"] = (path, body, headers = {}) => http.call("POST", path, { body, headers });
  return {
    ...http,
    clock,
    post,
    refresh: (token) => http.call("POST", "/api/auth/refresh", { headers: { cookie: `om_refresh=${token}` } }),
    purge: accounts.purge,
    ends,
    left,
    failLeaving: (error) => void (failure = error),
    store: sessionStore(db),
    async signUp(name) {
      const body = { username: name, email: `${name}@example.org`, password: `password of ${name}` };
      const answer = (await post("/api/auth/register", body)).json();
      const {
        access_token: access,
        refresh_token: refresh,
        user,
      } = answer as {
        access_token: string;
        refresh_token: string;
        user: { id: number };
      };
      return { id: user.id, access, refresh, bearer: { authorization: `Bearer ${access}` } };
    },
  };
}
