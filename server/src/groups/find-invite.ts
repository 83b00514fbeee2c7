import { OmError } from "../platform/om-error.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { inviteStore, type InviteRow } from "./invite-store.ts";

/** @throws OmError `record_not_found` */
export async function findInvite(db: Queries, token: string): Promise<InviteRow> {
  const invite = /^[\w-]{1,64}$/.test(token) ? await inviteStore(db).byToken(token) : undefined;
  if (invite === undefined) throw new OmError("record_not_found");
  return invite;
}

/** @throws OmError `invite_revoked`, `invite_expired`, `invite_exhausted` */
export function checkInvite(invite: InviteRow): void {
  if (invite.revoked) throw new OmError("invite_revoked");
  if (invite.expired) throw new OmError("invite_expired");
  if (invite.max_uses !== null && invite.used_count >= invite.max_uses) throw new OmError("invite_exhausted");
}
