import type { RouteBody } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import type { CredentialStore } from "./credential-store.ts";
import { provePassword, type ProofDeps } from "./prove-password.ts";
import type { AnnounceEnd } from "./sessions.ts";

interface Deps extends ProofDeps {
  credentials: CredentialStore;
  /** Undoes what the user has elsewhere; may be called again for a user of whom some or all is undone. */
  beforeClosing: (userId: number) => Promise<void>;
  announceEnd: AnnounceEnd;
}

/** Closes the account for good. Groups are left and the avatar deleted first: if that fails, the account is still there and its owner can try again. */
export async function deleteAccount(
  deps: Deps,
  { userId, email }: Caller,
  body: RouteBody<"deleteAccount">,
  address: string,
): Promise<{ ok: boolean }> {
  const { credentials } = deps;
  const claim = { address, email, password: body.password ?? "", read: () => credentials.byId(userId) };
  const ended = await provePassword(deps, claim, async ({ password_hash: hash }) => {
    await deps.beforeClosing(userId);
    return credentials.close(userId, hash);
  });
  deps.announceEnd(
    { userId, ended: { allBut: undefined } },
    ended.map(({ id }) => id),
  );
  return { ok: true };
}
