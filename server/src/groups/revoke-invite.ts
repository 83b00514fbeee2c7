import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import type { Database } from "../platform/postgres/database.ts";
import { changeGroup, requireAdmin } from "./change-group.ts";
import { readGroupId } from "./read-input.ts";

/** By an admin. A revoked link stays so. */
export async function revokeInvite(
  db: Database,
  { userId }: Caller,
  { id, token }: { id: string | undefined; token: string },
): Promise<{ message: string }> {
  const groupId = readGroupId(id);
  await changeGroup(db, { groupId, userIds: [] }, async ({ members, invites }) => {
    await requireAdmin(members, groupId, userId);
    if (!(await invites.revoke(groupId, token))) throw new OmError("record_not_found");
  });
  return { message: "Invite link revoked" };
}
