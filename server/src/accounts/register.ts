import type { AuthAnswer, RouteBody } from "@om/protocol";
import { OmError } from "../platform/om-error.ts";
import type { AccountStore } from "./account-store.ts";
import { parseEmail, parseFullName, parseUsername } from "./names.ts";
import { checkNewPassword } from "./password-rules.ts";
import type { Passwords } from "./passwords.ts";
import type { Sessions } from "./sessions.ts";

/** Makes an account and its first session. */
export async function register(
  deps: { accounts: AccountStore; passwords: Passwords; sessions: Sessions; passwordMinLength: number },
  body: RouteBody<"register">,
  userAgent: string,
): Promise<AuthAnswer> {
  const email = parseEmail(body.email ?? "");
  const username = parseUsername(body.username ?? "");
  const password = body.password ?? "";
  const fullName = parseFullName(body.full_name ?? "");
  checkNewPassword(password, deps.passwordMinLength, [username, email, fullName]);
  // Cheap refusals first; the unique indexes decide.
  if (await deps.accounts.emailTaken(email)) throw takenError("email");
  if (await deps.accounts.nameTaken(username)) throw takenError("username");
  const passwordHash = await deps.passwords.hash(password);
  const made = await deps.accounts.create({ username, email, passwordHash, fullName });
  if (typeof made === "string") throw takenError(made);
  const opened = await deps.sessions.open({ profile: made, passwordHash }, userAgent);
  if (opened === undefined) throw new Error("an account was changed by somebody else before it had a session");
  return opened;
}

function takenError(what: "email" | "username"): OmError {
  // An address is not proven, so whoever asks need not be its owner, and is not told that somebody has an account.
  return new OmError("registration_failed", `${what === "email" ? "email or username" : what} already exists`);
}
