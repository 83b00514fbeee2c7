import type { Account, AccountState, Role } from "@om/protocol";
import { closeAccount, type CloseDeps } from "../accounts/delete-account.ts";
import type { LinkStore } from "../accounts/link-store.ts";
import { changeProfile } from "../accounts/profile-cache.ts";
import { newToken, tokenHash } from "../accounts/secret-token.ts";
import { endAllBut } from "../accounts/session-store.ts";
import type { UserPushes } from "../accounts/user-pushes.ts";
import { writeAct } from "../acts/act-store.ts";
import type { CacheWrites } from "../cache/cache-writes.ts";
import type { Actor } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import type { Database } from "../platform/postgres/database.ts";
import { requireRole, treat } from "./administer.ts";
import { personStore, type Wanted } from "./person-store.ts";

export interface PeopleDeps extends CloseDeps {
  db: Database;
  writes: CacheWrites;
  links: LinkStore;
  sessionDays: number;
  pushes: Pick<UserPushes, "face">;
}

/** By moderators, who see no addresses. */
export async function listPeople({ db, sessionDays }: PeopleDeps, actor: Actor, wanted: Omit<Wanted, "withEmails">) {
  const role = await requireRole(db, actor, "moderator");
  return personStore(db, sessionDays).list({ ...wanted, withEmails: role === "administrator" });
}

/** By moderators. @throws OmError `user_not_found` */
export async function showPerson({ db, sessionDays }: PeopleDeps, actor: Actor, userId: number): Promise<Account> {
  const role = await requireRole(db, actor, "moderator");
  const found = await personStore(db, sessionDays).byId(userId);
  if (found === undefined) throw new OmError("user_not_found");
  return role === "administrator" ? found : { ...found, email: "" };
}

/** Lets somebody in or shuts somebody out. Sessions, links and sockets of who is shut out end everywhere. */
export async function setPersonState(
  deps: PeopleDeps,
  actor: Actor,
  { userId, state }: { userId: number; state: Exclude<AccountState, "waiting"> },
): Promise<Account> {
  const { db, sessionDays } = deps;
  const ended = await db.transaction(async (queries) => {
    const shuts = state === "disabled";
    await treat(queries, actor, { userId, least: "moderator", shuts });
    await personStore(queries, sessionDays).setState(userId, state);
    await writeAct(queries, actor, { act: "set_account_state", userId, details: { state } });
    return shuts ? queries.query(endAllBut, [userId, null]) : [];
  });
  if (state === "disabled") publishEnds(deps, userId, ended);
  return showPerson(deps, actor, userId);
}

/** By an administrator. */
export async function setPersonRole(
  deps: PeopleDeps,
  actor: Actor,
  { userId, role }: { userId: number; role: Role },
): Promise<Account> {
  const { writes, sessionDays } = deps;
  await changeProfile(writes, userId, async (queries) => {
    await treat(queries, actor, { userId, least: "administrator", shuts: role !== "administrator" });
    await personStore(queries, sessionDays).setRole(userId, role);
    await writeAct(queries, actor, { act: "set_account_role", userId, details: { role } });
  });
  deps.pushes.face(userId);
  return showPerson(deps, actor, userId);
}

/** By moderators: ends all sessions of somebody. */
export async function signOutPerson(deps: PeopleDeps, actor: Actor, userId: number): Promise<{ ok: boolean }> {
  const ended = await deps.db.transaction(async (queries) => {
    await treat(queries, actor, { userId, least: "moderator", shuts: false });
    await writeAct(queries, actor, { act: "sign_out_account", userId });
    return queries.query(endAllBut, [userId, null]);
  });
  publishEnds(deps, userId, ended);
  return { ok: true };
}

/** By an administrator: the end of a link /reset/…. @throws OmError `account_disabled` when the account is not open */
export async function makeResetLink(
  { db, links }: PeopleDeps,
  actor: Actor,
  { userId, minutes }: { userId: number; minutes: number },
): Promise<string> {
  const token = newToken();
  await db.transaction(async (queries) => {
    await treat(queries, actor, { userId, least: "administrator", shuts: false });
    if (!(await links.add(queries, { tokenHash: tokenHash(token), userId, minutes })))
      throw new OmError("account_disabled");
    await writeAct(queries, actor, { act: "make_reset_link", userId });
  });
  return token;
}

/** By an administrator: as the owner can. Shut out first, so that what fails halfway can be done again. */
export async function deletePerson(deps: PeopleDeps, actor: Actor, userId: number): Promise<{ ok: boolean }> {
  const { password_hash: hash } = await deps.db.transaction(async (queries) => {
    const subject = await treat(queries, actor, { userId, least: "administrator", shuts: true });
    await personStore(queries, deps.sessionDays).setState(userId, "disabled");
    await writeAct(queries, actor, { act: "delete_account_of", userId });
    return subject;
  });
  if (!(await closeAccount(deps, { userId, hash, atOnce: false }))) throw new OmError("user_not_found");
  return { ok: true };
}

function publishEnds({ publishSessionEnd }: PeopleDeps, userId: number, ended: readonly { id: number }[]): void {
  publishSessionEnd(
    { userId, ended: { exceptSessionId: undefined } },
    ended.map(({ id }) => id),
  );
}
