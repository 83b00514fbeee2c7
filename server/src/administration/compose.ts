import { userInfo } from "node:os";
import type { Link } from "../acts/act-store.ts";
import { chainActs, sealActs } from "../acts/chain-acts.ts";
import { verifyActs } from "../acts/verify-acts.ts";
import type { AccountStore } from "../accounts/account-store.ts";
import type { Passwords } from "../accounts/passwords.ts";
import { resetLinkMinutes } from "../accounts/reset-password.ts";
import type { Actor } from "../platform/caller.ts";
import { parseId, pageLimit, wholeNumber } from "../platform/page-limit.ts";
import { cleanName } from "../platform/visible-text.ts";
import type { Signer } from "../platform/signature.ts";
import type { RoutesOf } from "../platform/route-handlers.ts";
import { addPerson } from "./add-person.ts";
import { listActs } from "./list-acts.ts";
import { listInvitations, makeInvitation, revokeInvitation } from "./invitations.ts";
import * as people from "./people.ts";
import { personStore } from "./person-store.ts";

interface Deps extends people.PeopleDeps {
  accounts: AccountStore;
  passwords: Passwords;
  /** The address of a page. */
  linkTo: (path: string) => string;
  /** See JWT_SECRET; none without one. */
  signer: Signer;
  onSealed: (newest: Link) => void;
}

const states = ["open", "waiting", "disabled"] as const;
const roles = ["administrator", "moderator", "user", "bot"] as const;
const weekSeconds = 7 * 24 * 3_600;

export function composeAdministration(deps: Deps) {
  const { db } = deps;
  const joinLink = (token: string) => ({ path: `/join/${token}`, url: deps.linkTo(`/join/${token}`) });
  const resetLink = (token: string) => ({ path: `/reset/${token}`, url: deps.linkTo(`/reset/${token}`) });
  const who = ({ id }: { id: string }): number => parseId(id, "invalid_user_id");
  return {
    operator: { ...operatorOf(deps), joinLink, resetLink },
    chainActs: () => chainActs(db),
    async sealActs() {
      const newest = await sealActs(db, deps.signer);
      if (newest !== undefined) deps.onSealed(newest);
    },
    routes: {
      async accounts({ actor, query: { q = "", state, role, after, limit } }) {
        const wanted = {
          text: cleanName(q).trim(),
          state: states.find((one) => one === state) ?? "",
          role: roles.find((one) => one === role) ?? "",
          after: wholeNumber(after) ?? 0,
          limit: pageLimit(limit, 100, 50),
        } as const;
        return { accounts: await people.listPeople(deps, actor, wanted) };
      },
      account: async ({ actor, params }) => ({ account: await people.showPerson(deps, actor, who(params)) }),
      setAccountState: async ({ actor, params, body }) => ({
        account: await people.setPersonState(deps, actor, { userId: who(params), ...body }),
      }),
      setAccountRole: async ({ actor, params, body }) => ({
        account: await people.setPersonRole(deps, actor, { userId: who(params), ...body }),
      }),
      signOutAccount: ({ actor, params }) => people.signOutPerson(deps, actor, who(params)),
      async makeResetLink({ actor, params }) {
        const asked = { userId: who(params), minutes: resetLinkMinutes };
        const token = await people.makeResetLink(deps, actor, asked);
        return { token, ...resetLink(token) };
      },
      deleteAccountOf: ({ actor, params }) => people.deletePerson(deps, actor, who(params)),
      ...invitationRoutes(deps, joinLink),
    } satisfies RoutesOf<"administration">,
  };
}

function invitationRoutes({ db }: Deps, joinLink: (token: string) => { path: string; url: string }) {
  return {
    invitations: async ({ actor }) => ({ invitations: await listInvitations(db, actor) }),
    async makeInvitation({ actor, body: { note, expires_in_seconds: seconds, max_uses: uses = 1, group_id: group } }) {
      const { invitation, token } = await makeInvitation(db, actor, {
        note: note ?? "",
        expiresInSeconds: Math.min((seconds ?? 0) > 0 ? (seconds ?? 0) : weekSeconds, 520 * weekSeconds),
        maxUses: uses,
        groupId: group ?? null,
      });
      return { invitation, token, ...joinLink(token) };
    },
    revokeInvitation: ({ actor, params }) => revokeInvitation(db, actor, parseId(params.id, "invite_not_found")),
    acts: async ({ actor, query: { user_id: about, before, limit } }) => ({
      acts: await listActs(db, actor, {
        about: wholeNumber(about),
        before: wholeNumber(before) ?? Number.MAX_SAFE_INTEGER,
        limit: pageLimit(limit, 100, 50),
      }),
    }),
  } satisfies Partial<RoutesOf<"administration">>;
}

const operator: Actor = { userId: undefined, origin: `om of ${userInfo().username}` };

/** The same for whoever has the server. */
function operatorOf(deps: Deps) {
  const { db } = deps;
  return {
    idsOf: (text: string) => personStore(db, deps.sessionDays).idsOf(text),
    add: (wanted: Parameters<typeof addPerson>[2]) => addPerson(deps, operator, wanted),
    list: (wanted: Parameters<typeof people.listPeople>[2]) => people.listPeople(deps, operator, wanted),
    show: (userId: number) => people.showPerson(deps, operator, userId),
    setState: (userId: number, state: "open" | "disabled") => people.setPersonState(deps, operator, { userId, state }),
    setRole: (userId: number, role: (typeof roles)[number]) => people.setPersonRole(deps, operator, { userId, role }),
    signOut: (userId: number) => people.signOutPerson(deps, operator, userId),
    remove: (userId: number) => people.deletePerson(deps, operator, userId),
    resetToken: (userId: number) => people.makeResetLink(deps, operator, { userId, minutes: resetLinkMinutes }),
    invite: (wanted: Parameters<typeof makeInvitation>[2]) => makeInvitation(db, operator, wanted),
    invitations: () => listInvitations(db, operator),
    revoke: (id: number) => revokeInvitation(db, operator, id),
    acts: (wanted: Parameters<typeof listActs>[2]) => listActs(db, operator, wanted),
    async verifyActs(noted: readonly Link[]) {
      await chainActs(db);
      return verifyActs(db, deps.signer, noted);
    },
  };
}
