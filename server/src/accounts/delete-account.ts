import type { RouteBody } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
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

interface Deps extends PasswordDeps, Closing {
  credentials: CredentialStore;
  publishSessionEnd: PublishSessionEnd;
  pushes: Pick<UserPushes, "face">;
}

/** Closes the account for good. Groups are left and the avatar deleted first: if that fails, the account is still there and its owner can try again. */
export async function deleteAccount(
  deps: Deps,
  { userId, sessionId }: Caller,
  body: RouteBody<"deleteAccount">,
  place: Place,
): Promise<{ ok: boolean }> {
  const { credentials } = deps;
  const from = claimantOf(sessionId, place);
  const given = { from, password: body.password ?? "", findAccount: () => credentials.byId(userId) };
  const ended = await verifyPassword(deps, given, async ({ password_hash: hash }) => {
    await deps.leaveGroups(userId);
    await deps.forgetAvatar(userId);
    return credentials.close(userId, hash);
  });
  deps.publishSessionEnd(
    { userId, ended: { exceptSessionId: undefined } },
    ended.map(({ id }) => id),
  );
  deps.pushes.face(userId);
  await deps.erase({ userId }, body.at_once === true);
  return { ok: true };
}
