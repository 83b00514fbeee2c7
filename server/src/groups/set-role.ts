import type { GroupRole } from "@om/protocol";
import type { CacheWrites } from "../cache/write-marks.ts";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { changeGroup, requireAdmin } from "./change-group.ts";
import { eventOf, type Announce } from "./group-event.ts";
import { readGroupId, readUserId } from "./read-input.ts";

/** By an admin. The last admin stays one. */
export async function setRole(
  { writes, announce }: { writes: CacheWrites; announce: Announce },
  caller: Caller,
  { role, ...place }: { id: string | undefined; userId: string | undefined; role: GroupRole },
): Promise<{ message: string }> {
  const groupId = readGroupId(place.id);
  const userId = readUserId(place.userId);
  const head = await changeGroup(writes, { groupId, userIds: [] }, async ({ members }) => {
    const { conversation_id: conversationId } = await requireAdmin(members, groupId, caller.userId);
    const standing = await members.standing(groupId, userId);
    if ((standing?.role ?? null) === null) throw new OmError("user_not_found");
    if (role === "member" && !(await members.hasOtherAdmin(conversationId, userId))) throw new OmError("last_admin");
    return members.setRole(conversationId, userId, role);
  });
  if (head !== undefined) announce(eventOf({ groupId, kind: "changed", userIds: [userId], by: caller.userId }, head));
  return { message: "Role changed successfully" };
}
