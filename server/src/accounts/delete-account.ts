import type { RouteBody } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import type { CredentialStore } from "./credential-store.ts";
import type { Place } from "./attempt-store.ts";
import { claimantOf, verifyPassword, type PasswordDeps } from "./verify-password.ts";
import type { PublishSessionEnd } from "./sessions.ts";
import type { UserPushes } from "./user-pushes.ts";

/** What becomes of a user's things elsewhere. */
export interface Closing {
  /** May be called again for a user who has left some or all. */
  leaveGroups: (userId: number) => Promise<unknown>;
  forgetAvatar: (userId: number) => Promise<unknown>;
  /** Erases what the user has written and uploaded if it is wanted at once. */
  erase: (account: { userId: number }, atOnce: boolean) => Promise<void>;
}

export interface CloseDeps extends Closing {
  credentials: CredentialStore;
  publishSessionEnd: PublishSessionEnd;
  pushes: Pick<UserPushes, "face">;
}

/** Closes the account for good. */
export async function deleteAccount(
  deps: PasswordDeps & CloseDeps,
  { userId, sessionId }: Caller,
  body: RouteBody<"deleteAccount">,
  place: Place,
): Promise<{ ok: boolean }> {
  const { credentials } = deps;
  const from = claimantOf(sessionId, place);
  const given = { from, password: body.password ?? "", findAccount: () => credentials.byId(userId) };
  await verifyPassword(deps, given, async ({ password_hash: hash, is_last_administrator: isLast }) => {
    if (isLast) throw new OmError("last_administrator");
    return (await closeAccount(deps, { userId, hash, atOnce: body.at_once === true })) || undefined;
  });
  return { ok: true };
}

/**
 * Groups are left and the avatar deleted first: if that fails, the account is still there and it can be tried again.
 * @returns false: the password hash is not `hash` any more, and the account is still there
 */
export async function closeAccount(
  deps: CloseDeps,
  { userId, hash, atOnce }: { userId: number; hash: string; atOnce: boolean },
): Promise<boolean> {
  await deps.leaveGroups(userId);
  await deps.forgetAvatar(userId);
  const ended = await deps.credentials.close(userId, hash);
  if (ended === undefined) return false;
  deps.publishSessionEnd(
    { userId, ended: { exceptSessionId: undefined } },
    ended.map(({ id }) => id),
  );
  deps.pushes.face(userId);
  await deps.erase({ userId }, atOnce);
  return true;
}
