import { OmError } from "../platform/om-error.ts";
import { TooMany } from "../platform/rate-limit.ts";
import type { AttemptStore, Claimant } from "./attempt-store.ts";
import type { Passwords } from "./passwords.ts";

export interface PasswordDeps {
  passwords: Passwords;
  attempts: Pick<AttemptStore, "count" | "takeBack" | "remember">;
}

/** What somebody gives who says to be the owner of an account. */
interface Credentials<A> {
  from: Claimant["from"];
  password: string;
  /** The account as it is now; undefined: there is none, which costs the same work as a wrong password. */
  findAccount: () => Promise<A | undefined>;
  /** What counts for an account that there may not be. */
  email?: string;
}

/**
 * Does what only the owner may. `onVerified` is given the account whose hash the password matched, and answers undefined when it
 * found another hash by then: the password is verified once more, for a login that replaces an old hash must not refuse the others.
 * @throws OmError `invalid_credentials`; TooMany `too_many_attempts`
 */
export async function verifyPassword<A extends { id: number; password_hash: string }, T>(
  { passwords, attempts }: PasswordDeps,
  { from, password, findAccount, email = "" }: Credentials<A>,
  onVerified: (account: A) => Promise<T | undefined>,
): Promise<T> {
  let account = await findAccount();
  const claimed = account === undefined ? { email } : { userId: account.id };
  // Counted before the work and taken back on success, so that attempts side by side do not slip through.
  const counted = await attempts.count({ account: claimed, from });
  if (typeof counted === "number") throw new TooMany("too_many_attempts", counted);
  const turn = "sessionId" in from && account !== undefined ? account.id : from.address;
  let wrong = false;
  try {
    for (let tries = 0; tries < 2; tries += 1) {
      if (tries > 0) account = await findAccount();
      const matches = await passwords.matches(password, account?.password_hash, turn);
      if (!matches || account === undefined) break;
      const done = await onVerified(account);
      if (done !== undefined) return done;
    }
    wrong = true;
    throw Object.assign(new OmError("invalid_credentials"), { userId: account?.id });
  } finally {
    if (!wrong) await attempts.takeBack(counted);
  }
}

/** A session proves more than a place, and guesses within it are counted by themselves. A token of the old server names none. */
export function claimantOf(
  sessionId: number | undefined,
  place: { address: string; device: string },
): Claimant["from"] {
  return sessionId === undefined ? place : { sessionId, address: place.address };
}
