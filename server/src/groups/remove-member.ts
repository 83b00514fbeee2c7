import type { CacheWrites } from "../cache/write-marks.ts";
import type { Caller } from "../platform/caller.ts";
import { changeGroup, requireAdmin } from "./change-group.ts";
import { eventOf, type Announce } from "./group-event.ts";
import { depart } from "./leave-group.ts";
import { readGroupId, readUserId } from "./read-input.ts";

/** By an admin, who may remove other admins too. Removing oneself is leaving; removing somebody who is no member changes nothing. */
export async function removeMember(
  { writes, announce }: { writes: CacheWrites; announce: Announce },
  caller: Caller,
  place: { id: string | undefined; userId: string | undefined },
): Promise<{ message: string }> {
  const groupId = readGroupId(place.id);
  const userId = readUserId(place.userId);
  const head = await changeGroup(writes, { groupId, userIds: [userId] }, async (stores) => {
    const { conversation_id: conversationId } = await requireAdmin(stores.members, groupId, caller.userId);
    return depart(stores, conversationId, userId);
  });
  const kind = userId === caller.userId ? "left" : "removed";
  if (head !== undefined) announce(eventOf({ groupId, kind, userIds: [userId], by: caller.userId }, head));
  return { message: "Member removed successfully" };
}
