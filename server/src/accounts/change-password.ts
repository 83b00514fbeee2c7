import type { RouteBody } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import type { CredentialStore } from "./credential-store.ts";
import { checkNewPassword } from "./password-rules.ts";
import { verifyPassword, type PasswordDeps } from "./verify-password.ts";
import type { PublishSessionEnd } from "./sessions.ts";

interface Deps extends PasswordDeps {
  credentials: CredentialStore;
  passwordMinLength: number;
  publishSessionEnd: PublishSessionEnd;
}

/** Ends all other sessions, for whoever knew the old password may have opened them. Of two changes side by side one is refused. */
export async function changePassword(
  deps: Deps,
  caller: Caller,
  body: RouteBody<"changePassword">,
  address: string,
): Promise<{ ok: boolean }> {
  const { credentials, passwords } = deps;
  const { userId, email, sessionId: spared } = caller;
  const wanted = body.new_password ?? "";
  checkNewPassword(wanted, deps.passwordMinLength, [email]);
  const given = { address, email, password: body.current_password ?? "", findAccount: () => credentials.byId(userId) };
  const ended = await verifyPassword(deps, given, async ({ password_hash: from, username, full_name: fullName }) => {
    checkNewPassword(wanted, deps.passwordMinLength, [email, username, fullName]);
    return credentials.change({ userId, from, to: await passwords.hash(wanted), spared });
  });
  deps.publishSessionEnd(
    { userId, ended: { exceptSessionId: spared } },
    ended.map(({ id }) => id),
  );
  return { ok: true };
}
