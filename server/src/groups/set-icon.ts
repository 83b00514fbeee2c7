import type { Group } from "@om/protocol";
import type { UserViews } from "../accounts/user-view.ts";
import type { CacheWrites } from "../cache/write-marks.ts";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { changeGroup, requireAdmin } from "./change-group.ts";
import { eventOf, type Announce } from "./group-event.ts";
import { groupView } from "./group-view.ts";

/**
 * Gives a group another icon. `previous`: the URL it had.
 * @throws OmError `group_not_found`, `forbidden`
 */
export async function setIcon(
  { writes, views, announce }: { writes: CacheWrites; views: UserViews; announce: Announce },
  { userId }: Pick<Caller, "userId">,
  { groupId, url }: { groupId: number; url: string },
): Promise<{ group: Group; previous: string }> {
  const changed = await changeGroup(writes, { groupId, userIds: [] }, async ({ groups, members }) => {
    const { conversation_id: conversationId } = await requireAdmin(members, groupId, userId);
    const previous = (await groups.byId(groupId))?.icon ?? "";
    await groups.setIcon(groupId, url);
    const head = await members.changed(conversationId);
    const row = await groups.byId(groupId);
    if (row === undefined) throw new OmError("group_not_found");
    return { row, head, previous };
  });
  announce(eventOf({ groupId, kind: "changed", userIds: [], by: userId }, changed.head));
  return { group: groupView(views, changed.row, userId), previous: changed.previous };
}
