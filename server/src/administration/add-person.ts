import type { Account, Role } from "@om/protocol";
import { writeAct } from "../acts/act-store.ts";
import type { AccountStore } from "../accounts/account-store.ts";
import { parseEmail, parseFullName, parseUsername } from "../accounts/names.ts";
import type { Passwords } from "../accounts/passwords.ts";
import { newToken } from "../accounts/secret-token.ts";
import type { Actor } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { requireRole } from "./administer.ts";
import { makeResetLink, showPerson, type PeopleDeps } from "./people.ts";

/** How long somebody who was added has to choose a password, in minutes. */
const firstLinkMinutes = 7 * 24 * 60;

/** By an administrator, whatever the door is: an account without a password, and the end of the link /reset/… by which its owner chooses one. */
export async function addPerson(
  deps: PeopleDeps & { accounts: AccountStore; passwords: Passwords },
  actor: Actor,
  wanted: { username: string; email: string; fullName: string; role: Role },
): Promise<{ account: Account; token: string }> {
  await requireRole(deps.db, actor, "administrator");
  const made = await deps.accounts.create({
    username: parseUsername(wanted.username),
    email: parseEmail(wanted.email),
    fullName: parseFullName(wanted.fullName),
    // Of a password that nobody knows.
    passwordHash: await deps.passwords.hash(newToken(), 0),
    role: wanted.role,
    made: (queries, userId) => writeAct(queries, actor, { act: "add_account", userId, details: { role: wanted.role } }),
  });
  if (typeof made === "string") throw new OmError("registration_failed", `${made} already exists`);
  const token = await makeResetLink(deps, actor, { userId: made.id, minutes: firstLinkMinutes });
  return { account: await showPerson(deps, actor, made.id), token };
}
