import { limits, type AuthAnswer, type RouteBody } from "@om/protocol";
import { cleanText, cutBytes } from "../platform/cut-text.ts";
import { OmError } from "../platform/om-error.ts";
import { TooManyAttempts, type RateLimit } from "../platform/rate-limit.ts";
import type { AccountStore } from "./account-store.ts";
import type { Passwords } from "./passwords.ts";
import type { Sessions } from "./sessions.ts";
import type { Profile } from "./user-view.ts";

interface Deps {
  accounts: AccountStore;
  passwords: Passwords;
  sessions: Sessions;
  /** Of one account from one address. */
  failures: RateLimit;
}

/** Opens a session. An unknown e-mail costs the same work as a wrong password; old hashes are replaced on success. */
export async function login(
  deps: Deps,
  body: RouteBody<"login">,
  from: { userAgent: string; address: string },
): Promise<AuthAnswer> {
  const email = cutBytes(cleanText(body.email ?? "").trim(), 1024).toLowerCase();
  const password = body.password ?? "";
  if (email === "" || password === "") throw new OmError("missing_fields");
  const key = `${from.address} ${cutBytes(email, limits.emailBytes)}`;
  // Counted before the work and taken back on success, so that attempts side by side do not slip through.
  const attempt = deps.failures.hit(key);
  if (attempt?.exceeded) throw new TooManyAttempts(attempt.resetSeconds);
  let wrong = false;
  try {
    return await deps.sessions.open(await provenAccount(deps, email, password), from.userAgent);
  } catch (error) {
    wrong = error instanceof OmError && error.code === "invalid_credentials";
    throw error;
  } finally {
    if (!wrong) deps.failures.forgive(key);
  }
}

/** @throws OmError `invalid_credentials` */
async function provenAccount({ accounts, passwords }: Deps, email: string, password: string): Promise<Profile> {
  const account = await accounts.byEmailForLogin(email);
  const matches = await passwords.matches(password, account?.password_hash);
  if (!matches || account === undefined) throw new OmError("invalid_credentials");
  const { password_hash: stored, ...profile } = account;
  if (passwords.isOld(stored)) await accounts.upgradeHash(profile.id, stored, await passwords.hash(password));
  return profile;
}
