import { accountInviteStore } from "./account-invite-store.ts";
import { accountStore } from "./account-store.ts";
import { createAccessTokens } from "./access-token.ts";
import { attemptStore } from "./attempt-store.ts";
import { blockStore } from "./block-store.ts";
import { blockUser, listBlocks, unblockUser } from "./blocks.ts";
import { changePassword } from "./change-password.ts";
import { credentialStore } from "./credential-store.ts";
import { deleteAccount, type Closing } from "./delete-account.ts";
import type { Door } from "./door.ts";
import { firstAdministratorToken } from "./first-administrator.ts";
import { linkStore } from "./link-store.ts";
import { createLiveSessions } from "./live-sessions.ts";
import { login } from "./login.ts";
import { endOtherSessions, endSession, listSessions } from "./own-sessions.ts";
import { createPasswords } from "./passwords.ts";
import type { Profiles } from "./profile-cache.ts";
import { checkUsername, getUser, me, searchUsers, updateMe } from "./profile.ts";
import { register, type RegisterDeps } from "./register.ts";
import { resetPassword, type ResetDeps } from "./reset-password.ts";
import { sessionStore } from "./session-store.ts";
import { createSessions, type PublishSessionEnd, type Sessions } from "./sessions.ts";
import type { UserPushes } from "./user-pushes.ts";
import { viewInvitation } from "./view-invitation.ts";
import type { UserViews } from "./user-view.ts";
import { keptAnswer } from "../cache/answers.ts";
import type { Cache } from "../cache/cache.ts";
import type { Config } from "../config.ts";
import type { Hub } from "../delivery/hub.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/postgres/database.ts";
import type { RoutesOf } from "../platform/route-handlers.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import { createTickets } from "./tickets.ts";

interface Deps {
  config: Config;
  db: Database;
  cache: Pick<Cache, "answers" | "writes">;
  hub: Pick<Hub, "all">;
  views: UserViews;
  profiles: Profiles;
  secret: string;
  telemetry: Pick<Telemetry, "security">;
  now: Clock;
  monotonic: Clock;
  /** Closes the sockets of sessions that ended, on every node, and lets the other nodes refuse their tokens. */
  endSockets: PublishSessionEnd;
  pushes: UserPushes;
  closing: Closing;
  door: Door;
  joinInvited: (userId: number, groupId: number) => Promise<void>;
}

export function composeAccounts(deps: Deps) {
  const { config, db, views, secret, now, closing, pushes } = deps;
  const { writes } = deps.cache;
  const keep = keptAnswer(deps.cache.answers);
  const { passwordMinLength, jwtSecretPrevious: previousSecret } = config;
  const accounts = accountStore(db, writes);
  const store = sessionStore(db, config.sessionDays);
  const tokens = createAccessTokens(secret, now, previousSecret);
  const tickets = createTickets(secret, previousSecret, now);
  const issued = { ...deps, tokens, tickets, sessions: store };
  const live = createLiveSessions({ ...issued, sockets: () => deps.hub.all() });
  const passwords = createPasswords();
  const publishSessionEnd: PublishSessionEnd = (event, sessionIds) => {
    live.refuse(event.userId, sessionIds);
    deps.endSockets(event, sessionIds);
  };
  const sessions = createSessions({ ...issued, previousSecret, accounts, publishSessionEnd });
  const attempts = attemptStore(db, { free: config.loginLimit, secret });
  const profiles = { accounts, views, profiles: deps.profiles, whoMayAdd: config.whoMayAdd, pushes };
  const open = { sessions: store, publishSessionEnd, now };
  const owner = { credentials: credentialStore(db, writes), passwords, attempts, publishSessionEnd, pushes };
  const [invites, links] = [accountInviteStore(db), linkStore(db)];
  const blocks = { blocks: blockStore(db, writes), views, pushes };
  return {
    live,
    accounts,
    invites,
    links,
    passwords,
    owner,
    sessions: store,
    publishSessionEnd,
    /** See `firstAdministratorToken`. */
    firstAdministrator: () => firstAdministratorToken(invites, secret),
    /** Forgets sessions that can no longer be used, and attempts that no longer count. */
    purge: () => Promise.all([sessions.purge(), attempts.purge(), links.purge()]),
    routes: {
      ...entryRoutes({ ...deps, ...owner, accounts, sessions, invites, links, passwordMinLength }),
      checkUsername: ({ query }) => checkUsername(accounts, query.username),
      me: ({ caller }) => me(profiles, caller),
      updateMe: ({ caller, body }) => updateMe(profiles, caller, body),
      searchUsers: ({ caller, query }) => searchUsers(profiles, caller, query),
      user: (request) =>
        keep("user", request, (reads) => getUser(profiles, request.caller, { text: request.params.identifier, reads })),
      sessions: ({ caller }) => listSessions(open, caller),
      ticket: ({ caller }) => sessions.ticket(caller),
      endSession: ({ caller, params }) => endSession(open, caller, params.id),
      endOtherSessions: ({ caller }) => endOtherSessions(open, caller),
      changePassword: ({ caller, body, ...from }) =>
        changePassword({ ...owner, passwordMinLength }, caller, body, from),
      deleteAccount: ({ caller, body, ...from }) => deleteAccount({ ...owner, ...closing }, caller, body, from),
      block: ({ caller, params }) => blockUser(blocks, caller, params.id),
      unblock: ({ caller, params }) => unblockUser(blocks, caller, params.id),
      blocks: ({ caller }) => listBlocks(blocks, caller),
    } satisfies RoutesOf<"accounts" | "sessions" | "blocks">,
  };
}

/** The ways in and out, for which nobody need be logged in. */
function entryRoutes(deps: RegisterDeps & ResetDeps & { sessions: Sessions }) {
  const { sessions, invites, door } = deps;
  return {
    csrf: async () => ({ ok: true }),
    register: ({ body, ...from }) => register(deps, body, from),
    registration: async () => ({ registration: door.registration, domains: [...door.domains] }),
    invitation: ({ params }) => viewInvitation(invites, params.token),
    resetPassword: ({ body, ...from }) => resetPassword(deps, body, from),
    login: ({ body, ...from }) => login(deps, body, from),
    refresh: ({ refreshToken }) => sessions.renew(refreshToken),
    logout: async ({ refreshToken }) => {
      await sessions.end(refreshToken);
      return { ok: true };
    },
  } satisfies Partial<RoutesOf<"accounts">>;
}
