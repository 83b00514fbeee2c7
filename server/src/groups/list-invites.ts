import { limits, type Invite } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { requireAdmin } from "./change-group.ts";
import { inviteStore } from "./invite-store.ts";
import { inviteView } from "./invite-view.ts";
import { membershipStore } from "./membership-store.ts";
import { readGroupId } from "./read-input.ts";

/** By an admin: the links that still admit somebody, the newest first. */
export async function listInvites(
  { db, joinBase }: { db: Queries; joinBase: string },
  { userId }: Caller,
  id: string | undefined,
): Promise<{ invite_links: Invite[] }> {
  const groupId = readGroupId(id);
  await requireAdmin(membershipStore(db), groupId, userId);
  const rows = await inviteStore(db).live(groupId, limits.invitesPage);
  return {
    invite_links: rows.map((row) => ({
      ...inviteView(row, joinBase),
      created_at: row.created_at,
      created_by: row.created_by,
      used_count: row.used_count,
    })),
  };
}
