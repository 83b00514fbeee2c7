import { hkdfSync } from "node:crypto";
import type { AccountInviteStore } from "./account-invite-store.ts";
import { tokenHash } from "./secret-token.ts";

/**
 * While nobody is administrator: the end of the link /join/… by which somebody becomes it, once. It follows from the secret, so all nodes tell the
 * same at every start.
 */
export async function firstAdministratorToken(
  invites: AccountInviteStore,
  secret: string,
): Promise<string | undefined> {
  const token = Buffer.from(hkdfSync("sha256", secret, "", "om first administrator", 32)).toString("base64url");
  return (await invites.firstAdministrator(tokenHash(token))) ? token : undefined;
}
