import { limits } from "@om/protocol";
import { cutBytes } from "../platform/cut-text.ts";
import { OmError } from "../platform/om-error.ts";
import { TooManyAttempts, type RateLimit } from "../platform/rate-limit.ts";
import type { Passwords } from "./passwords.ts";

export interface ProofDeps {
  passwords: Passwords;
  /** Failures of one account from one address. */
  failures: RateLimit;
}

/** Somebody says to be the owner of an account. */
interface Claim<A> {
  address: string;
  email: string;
  password: string;
  /** The account as it is now; undefined: there is none, which costs the same work as a wrong password. */
  read: () => Promise<A | undefined>;
}

/**
 * Does what only the owner may. `allowed` is given the account whose hash the password matched, and answers undefined when it
 * found another hash by then: the claim is judged once more, for a login that replaces an old hash must not refuse the others.
 * @throws OmError `invalid_credentials`; TooManyAttempts
 */
export async function provePassword<A extends { password_hash: string }, T>(
  { passwords, failures }: ProofDeps,
  claim: Claim<A>,
  allowed: (account: A) => Promise<T | undefined>,
): Promise<T> {
  const key = `${claim.address} ${cutBytes(claim.email, limits.emailBytes)}`;
  // Counted before the work and taken back on success, so that attempts side by side do not slip through.
  const attempt = failures.consume(key);
  if (attempt?.exceeded) throw new TooManyAttempts(attempt.resetSeconds);
  let wrong = false;
  try {
    for (let tries = 0; tries < 2; tries += 1) {
      const account = await claim.read();
      const matches = await passwords.matches(claim.password, account?.password_hash);
      if (!matches || account === undefined) break;
      const done = await allowed(account);
      if (done !== undefined) return done;
    }
    wrong = true;
    throw new OmError("invalid_credentials");
  } finally {
    if (!wrong) failures.refund(key);
  }
}
