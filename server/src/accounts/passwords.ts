import { hash as argon2Hash, verify as argon2Verify } from "@node-rs/argon2";
import { verify as bcryptVerify } from "@node-rs/bcrypt";
import { createSemaphore } from "../platform/semaphore.ts";

/** OWASP's first choice for argon2id (the library's default kind): 19 MiB, two passes, one lane. */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/**
 * Hashes and checks passwords, a bounded number at a time: each costs memory and a core for tens of milliseconds.
 * @param waiting callers that may wait for their turn; beyond it they get `unavailable`
 */
export function createPasswords({ workers = 2, waiting = 200 }: { workers?: number; waiting?: number } = {}) {
  const semaphore = createSemaphore({ parallel: workers, maxWaiting: waiting });
  // Made beforehand, so that not even the first unknown account takes longer.
  const decoy = argon2Hash("nobody has this password", cost);

  return {
    hash: (password: string) => semaphore.run(() => argon2Hash(password.normalize("NFC"), cost)),
    /** Takes the same work when `stored` is undefined, so that nobody learns which accounts exist. */
    matches: (password: string, stored: string | undefined) =>
      semaphore.run(async () => {
        const against = stored ?? (await decoy);
        // The first server hashed what was typed; ours are of composed text, whatever keyboard it was typed on.
        const verify = isBcrypt(against)
          ? bcryptVerify(password, against)
          : argon2Verify(against, password.normalize("NFC"));
        // Both refuse a stored text that is no hash.
        return (await verify.catch(() => false)) && stored !== undefined;
      }),
    /** Whether a stored hash is of an older kind and should be replaced at the next login. */
    isOld: (stored: string) => !stored.startsWith("$argon2id$"),
  };
}
export type Passwords = ReturnType<typeof createPasswords>;

function isBcrypt(stored: string): boolean {
  return /^\$2[aby]\$/.test(stored);
}
