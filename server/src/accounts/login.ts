import type { AuthAnswer, RouteBody } from "@om/protocol";
import { cleanText, cutBytes } from "../platform/cut-text.ts";
import { OmError } from "../platform/om-error.ts";
import type { AccountStore } from "./account-store.ts";
import type { Place } from "./attempt-store.ts";
import { requireOpen } from "./door.ts";
import { verifyPassword, type PasswordDeps } from "./verify-password.ts";
import type { Sessions } from "./sessions.ts";

interface Deps extends PasswordDeps {
  accounts: AccountStore;
  sessions: Sessions;
}

/** Opens a session. Instead of the address the username may be given. Old hashes are replaced on success. */
export async function login(
  deps: Deps,
  body: RouteBody<"login">,
  from: Place & { userAgent: string },
): Promise<AuthAnswer> {
  const { accounts, attempts, passwords, sessions } = deps;
  const email = cutBytes(
    cleanText(body.email ?? "")
      .normalize("NFC")
      .trim(),
    1024,
  ).toLowerCase();
  const password = body.password ?? "";
  if (email === "" || password === "") throw new OmError("missing_fields");
  const given = { from, email, password, findAccount: () => accounts.forLogin(email) };
  return verifyPassword(deps, given, async ({ password_hash: stored, state, ...profile }) => {
    requireOpen(state);
    let passwordHash = stored;
    if (passwords.isOld(stored)) {
      passwordHash = await passwords.hash(password, from.address);
      if (!(await accounts.upgradeHash(profile.id, stored, passwordHash))) return undefined;
    }
    const opened = await sessions.open({ profile, passwordHash }, from.userAgent);
    if (opened !== undefined) await attempts.remember(profile.id, from);
    return opened;
  });
}
