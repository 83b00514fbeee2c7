import type { RouteOutput } from "@om/protocol";
import { OmError } from "../platform/om-error.ts";
import type { AccountInviteStore } from "./account-invite-store.ts";
import { tokenHash } from "./secret-token.ts";

/** What whoever holds the link may know of it. @throws OmError `invalid_invite` */
export async function viewInvitation(invites: AccountInviteStore, token: string): Promise<RouteOutput<"invitation">> {
  const invite = await invites.find(tokenHash(token));
  if (invite === undefined) throw new OmError("invalid_invite");
  return { expires_at: invite.expires_at, group: invite.group_name, role: invite.role };
}
