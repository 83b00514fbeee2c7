import type { RouteBody } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import type { CredentialStore } from "./credential-store.ts";
import { provePassword, type ProofDeps } from "./prove-password.ts";
import type { AnnounceEnd } from "./sessions.ts";

interface Deps extends ProofDeps {
  credentials: CredentialStore;
  /** May be called again for a user who has left some or all. */
  leaveAllGroups: (userId: number) => Promise<void>;
  announceEnd: AnnounceEnd;
}

/** Closes the account for good. Groups are left first: if that fails, the account is still there and its owner can try again. */
export async function deleteAccount(
  deps: Deps,
  { userId, email }: Caller,
  body: RouteBody<"deleteAccount">,
  address: string,
): Promise<{ ok: boolean }> {
  const { credentials } = deps;
  const claim = { address, email, password: body.password ?? "", read: () => credentials.byId(userId) };
  const ended = await provePassword(deps, claim, async ({ password_hash: hash }) => {
    await deps.leaveAllGroups(userId);
    return credentials.close(userId, hash);
  });
  deps.announceEnd(
    { userId, ended: { allBut: undefined } },
    ended.map(({ id }) => id),
  );
  return { ok: true };
}
