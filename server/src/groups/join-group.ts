import type { Group } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { admit, changeGroup, type GroupDeps } from "./change-group.ts";
import { groupStore, type GroupRow } from "./group-store.ts";
import { groupView } from "./group-view.ts";
import { readGroupId, readHandle } from "./read-input.ts";

/** A public group. */
export async function joinGroup(deps: GroupDeps, caller: Caller, id: string): Promise<{ message: string }> {
  await joinPublic(deps, caller, readGroupId(id));
  return { message: "Joined group successfully" };
}

/** A public group. */
export async function joinByHandle(deps: GroupDeps, caller: Caller, handle: string): Promise<Group> {
  const found = await groupStore(deps.db).byHandle(readHandle(handle));
  if (found === undefined) throw new OmError("record_not_found");
  return groupView(deps.views, await joinPublic(deps, caller, found.id), caller.userId);
}

async function joinPublic(deps: GroupDeps, { userId }: Caller, groupId: number): Promise<GroupRow> {
  const change = { groupId, kind: "joined", userIds: [userId], by: userId } as const;
  const { row } = await changeGroup(deps, change, async (stores) => {
    const standing = await stores.members.standing(groupId, userId);
    const row = await stores.groups.byId(groupId);
    if (standing === undefined || row === undefined) throw new OmError("record_not_found");
    if (!standing.is_public) throw new OmError("group_private");
    if (standing.role !== null) throw new OmError("already_member");
    return { row, head: await admit(stores, standing.conversation_id, { userId, by: userId }) };
  });
  return row;
}
