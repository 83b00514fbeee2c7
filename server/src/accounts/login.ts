import type { AuthAnswer, RouteBody } from "@om/protocol";
import { cleanText } from "../platform/cut-text.ts";
import { OmError } from "../platform/om-error.ts";
import type { RateLimit } from "../platform/rate-limit.ts";
import type { AccountStore } from "./account-store.ts";
import type { Passwords } from "./passwords.ts";
import type { Sessions } from "./sessions.ts";

/** Opens a session. An unknown e-mail costs the same work as a wrong password; old hashes are replaced on success. */
export async function login(
  deps: { accounts: AccountStore; passwords: Passwords; sessions: Sessions; failures: RateLimit },
  body: RouteBody<"login">,
  from: { userAgent: string; address: string },
): Promise<AuthAnswer> {
  const email = cleanText(body.email ?? "")
    .trim()
    .toLowerCase();
  const password = body.password ?? "";
  if (email === "" || password === "") throw new OmError("missing_fields");
  const key = `${from.address} ${email}`;
  if (deps.failures.exceeded(key)) throw new OmError("too_many_attempts");
  const account = await deps.accounts.byEmailForLogin(email);
  if (!(await deps.passwords.matches(password, account?.password_hash)) || account === undefined) {
    deps.failures.hit(key);
    throw new OmError("invalid_credentials");
  }
  const { password_hash: stored, ...profile } = account;
  if (deps.passwords.isOld(stored)) {
    await deps.accounts.upgradeHash(profile.id, stored, await deps.passwords.hash(password));
  }
  return deps.sessions.open(profile, cleanText(from.userAgent));
}
