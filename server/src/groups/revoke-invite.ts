import type { CacheWrites } from "../cache/write-marks.ts";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { changeGroup, requireAdmin } from "./change-group.ts";
import { readGroupId } from "./read-input.ts";

/** By an admin. A revoked link stays so. */
export async function revokeInvite(
  writes: CacheWrites,
  { userId }: Caller,
  { id, token }: { id: string | undefined; token: string },
): Promise<{ message: string }> {
  const groupId = readGroupId(id);
  await changeGroup(writes, { groupId, userIds: [] }, async ({ members, invites }) => {
    await requireAdmin(members, groupId, userId);
    if (!(await invites.revoke(groupId, token))) throw new OmError("record_not_found");
  });
  return { message: "Invite link revoked" };
}
