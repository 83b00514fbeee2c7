import type { CacheWrites } from "../cache/write-marks.ts";
import type { Caller } from "../platform/caller.ts";
import { admit } from "./admit.ts";
import { changeGroup, requireAdmin } from "./change-group.ts";
import { eventOf, type Announce } from "./group-event.ts";
import { readGroupId } from "./read-input.ts";

/** By an admin; somebody who has blocked that admin cannot be added. Adding a member changes nothing. */
export async function addMember(
  { writes, announce }: { writes: CacheWrites; announce: Announce },
  caller: Caller,
  { id, userId }: { id: string | undefined; userId: number },
): Promise<{ message: string }> {
  const groupId = readGroupId(id);
  const head = await changeGroup(writes, { groupId, userIds: [userId] }, async (stores) => {
    const { conversation_id: conversationId } = await requireAdmin(stores.members, groupId, caller.userId);
    const standing = await stores.members.standing(groupId, userId);
    if ((standing?.role ?? null) !== null) return undefined;
    return admit(stores, conversationId, { userId, by: caller.userId, noAccount: "user_not_found" });
  });
  if (head !== undefined) announce(eventOf({ groupId, kind: "joined", userIds: [userId], by: caller.userId }, head));
  return { message: "Member added successfully" };
}
