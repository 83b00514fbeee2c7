import type { AuthAnswer, RouteBody } from "@om/protocol";
import { cleanText, cutBytes } from "../platform/cut-text.ts";
import { OmError } from "../platform/om-error.ts";
import type { AccountStore } from "./account-store.ts";
import { verifyPassword, type PasswordDeps } from "./verify-password.ts";
import type { Sessions } from "./sessions.ts";

interface Deps extends PasswordDeps {
  accounts: AccountStore;
  sessions: Sessions;
}

/** Opens a session. Old hashes are replaced on success. */
export async function login(
  deps: Deps,
  body: RouteBody<"login">,
  from: { userAgent: string; address: string },
): Promise<AuthAnswer> {
  const { accounts, passwords, sessions } = deps;
  const email = cutBytes(
    cleanText(body.email ?? "")
      .normalize("NFC")
      .trim(),
    1024,
  ).toLowerCase();
  const password = body.password ?? "";
  if (email === "" || password === "") throw new OmError("missing_fields");
  const given = { address: from.address, email, password, findAccount: () => accounts.byEmailForLogin(email) };
  return verifyPassword(deps, given, async ({ password_hash: stored, ...profile }) => {
    if (!passwords.isOld(stored)) return sessions.open({ profile, passwordHash: stored }, from.userAgent);
    const passwordHash = await passwords.hash(password);
    if (!(await accounts.upgradeHash(profile.id, stored, passwordHash))) return undefined;
    return sessions.open({ profile, passwordHash }, from.userAgent);
  });
}
