import type { AuthAnswer, RouteBody } from "@om/protocol";
import { writeAct } from "../acts/act-store.ts";
import type { Actor } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { accountInviteStore, type AccountInviteStore } from "./account-invite-store.ts";
import type { AccountStore } from "./account-store.ts";
import { letIn, requireOpen, type Door } from "./door.ts";
import { parseEmail, parseFullName, parseUsername } from "./names.ts";
import { checkNewPassword } from "./password-rules.ts";
import { tokenHash } from "./secret-token.ts";
import type { Sessions } from "./sessions.ts";
import type { Place } from "./attempt-store.ts";
import type { PasswordDeps } from "./verify-password.ts";

export interface RegisterDeps extends PasswordDeps {
  accounts: AccountStore;
  sessions: Sessions;
  invites: AccountInviteStore;
  passwordMinLength: number;
  door: Door;
  /** Of somebody whose invitation names a group. */
  joinInvited: (userId: number, groupId: number) => Promise<void>;
}

/**
 * Makes an account and its first session, as far as the door lets somebody in.
 * @throws OmError `account_waiting` when the account is made and an administrator must open it
 */
export async function register(
  deps: RegisterDeps,
  body: RouteBody<"register">,
  from: Place & { userAgent: string; actor: Pick<Actor, "origin"> },
): Promise<AuthAnswer> {
  const { accounts, invites } = deps;
  const email = parseEmail(body.email ?? "");
  const username = parseUsername(body.username ?? "");
  const password = body.password ?? "";
  const fullName = parseFullName(body.full_name ?? "");
  checkNewPassword(password, deps.passwordMinLength, [username, email, fullName]);
  const link = tokenHash(body.invite ?? "");
  const invite = (body.invite ?? "") === "" ? undefined : await invites.find(link);
  if ((body.invite ?? "") !== "" && invite === undefined) throw new OmError("invalid_invite");
  // Before anything that could tell who has an account.
  const state = letIn(deps.door, email, invite);
  // Cheap refusals first; the unique indexes decide.
  if (await accounts.emailTaken(email)) throw takenError("email");
  if (await accounts.nameTaken(username)) throw takenError("username");
  const passwordHash = await deps.passwords.hash(password, from.address);
  const role = invite?.role ?? "user";
  const made = await accounts.create(
    {
      username,
      email,
      passwordHash,
      fullName,
      state,
      role,
      async made(queries, userId) {
        const act = { act: "register", userId, details: { invitation: invite?.id ?? null, role } } as const;
        if (invite !== undefined) await writeAct(queries, { userId, origin: from.actor.origin }, act);
      },
    },
    async (queries) => {
      if (invite !== undefined && !(await accountInviteStore(queries).use(link))) throw new OmError("invalid_invite");
    },
  );
  if (typeof made === "string") throw takenError(made);
  requireOpen(state);
  const opened = await deps.sessions.open({ profile: made, passwordHash }, from.userAgent);
  if (opened === undefined) throw new Error("an account was changed by somebody else before it had a session");
  await deps.attempts.remember(made.id, from);
  const groupId = invite?.group_id ?? null;
  if (groupId !== null) await deps.joinInvited(made.id, groupId);
  return opened;
}

function takenError(what: "email" | "username"): OmError {
  // An address is not proven, so whoever asks need not be its owner, and is not told that somebody has an account.
  return new OmError("registration_failed", `${what === "email" ? "email or username" : what} already exists`);
}
