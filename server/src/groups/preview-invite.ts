import type { InvitePreview } from "@om/protocol";
import { OmError } from "../platform/om-error.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { checkInvite, findInvite } from "./find-invite.ts";
import { groupStore } from "./group-store.ts";

/** What anybody who holds the link may see: nothing of its members. */
export async function previewInvite(db: Queries, token: string): Promise<InvitePreview> {
  const invite = await findInvite(db, token);
  checkInvite(invite);
  const group = await groupStore(db).byId(invite.group_id);
  if (group === undefined) throw new OmError("record_not_found");
  const { description, handle, icon, id, is_public, name } = group;
  return {
    expires_at: invite.expires_at,
    group: { description, handle, icon, id, is_public, name },
    max_uses: invite.max_uses,
    requires_auth: true,
    used_count: invite.used_count,
  };
}
