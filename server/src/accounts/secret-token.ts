import { createHash, randomBytes } from "node:crypto";

/** What a link, a cookie or a ticket carries: 43 characters that nobody guesses. */
export function newToken(): string {
  return randomBytes(32).toString("base64url");
}

/** By which the database knows a token: it never holds one. */
export function tokenHash(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}
