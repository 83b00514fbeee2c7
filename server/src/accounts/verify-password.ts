import { limits } from "@om/protocol";
import { cutBytes } from "../platform/cut-text.ts";
import { OmError } from "../platform/om-error.ts";
import { TooManyAttempts, type RateLimit } from "../platform/rate-limit.ts";
import type { Passwords } from "./passwords.ts";

export interface PasswordDeps {
  passwords: Passwords;
  /** Failures of one account from one address. */
  failures: RateLimit;
}

/** What somebody gives who says to be the owner of an account. */
interface Credentials<A> {
  address: string;
  email: string;
  password: string;
  /** The account as it is now; undefined: there is none, which costs the same work as a wrong password. */
  findAccount: () => Promise<A | undefined>;
}

/**
 * Does what only the owner may. `onVerified` is given the account whose hash the password matched, and answers undefined when it
 * found another hash by then: the password is verified once more, for a login that replaces an old hash must not refuse the others.
 * @throws OmError `invalid_credentials`; TooManyAttempts
 */
export async function verifyPassword<A extends { id?: number; password_hash: string }, T>(
  { passwords, failures }: PasswordDeps,
  given: Credentials<A>,
  onVerified: (account: A) => Promise<T | undefined>,
): Promise<T> {
  const key = `${given.address} ${cutBytes(given.email, limits.emailBytes)}`;
  // Counted before the work and taken back on success, so that attempts side by side do not slip through.
  const attempt = failures.consume(key);
  if (attempt?.exceeded) throw new TooManyAttempts(attempt.resetSeconds);
  let wrong = false;
  let account: A | undefined;
  try {
    for (let tries = 0; tries < 2; tries += 1) {
      account = await given.findAccount();
      const matches = await passwords.matches(given.password, account?.password_hash);
      if (!matches || account === undefined) break;
      const done = await onVerified(account);
      if (done !== undefined) return done;
    }
    wrong = true;
    throw Object.assign(new OmError("invalid_credentials"), { userId: account?.id });
  } finally {
    if (!wrong) failures.refund(key);
  }
}
