import type { Group } from "@om/protocol";
import { OmError } from "../platform/om-error.ts";
import { changeGroup, requireAdmin, type GroupActor, type GroupDeps } from "./change-group.ts";
import { groupView } from "./group-view.ts";

/**
 * Gives a group another icon. `previous`: the URL it had.
 * @throws OmError `group_not_found`, `forbidden`
 */
export async function setIcon(
  deps: Omit<GroupDeps, "db" | "whoMayAdd">,
  actor: GroupActor,
  { groupId, url }: { groupId: number; url: string },
): Promise<{ group: Group; previous: string }> {
  const { userId: actorId } = actor;
  const changed = await changeGroup(deps, { groupId, kind: "changed", userIds: [], actorId }, async (stores) => {
    const { groups, members } = stores;
    const { conversation_id: conversationId } = await requireAdmin(members, groupId, actorId);
    const previous = (await groups.byId(groupId))?.icon ?? "";
    await groups.setIcon(groupId, url);
    await stores.write(actor, { act: "set_icon", groupId });
    const head = await members.raiseVersion(conversationId);
    const row = await groups.byId(groupId);
    if (row === undefined) throw new OmError("group_not_found");
    return { row, head, previous };
  });
  return { group: groupView(deps.views, changed.row, actorId), previous: changed.previous };
}
