import type { Group } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { addToGroup, changeGroup, type GroupDeps } from "./change-group.ts";
import { groupStore, type GroupRow } from "./group-store.ts";
import { groupView } from "./group-view.ts";
import { parseGroupId, parseHandle } from "./parse-input.ts";

/** A public group. */
export async function joinGroup(deps: GroupDeps, caller: Caller, id: string): Promise<{ message: string }> {
  await joinPublic(deps, caller, parseGroupId(id));
  return { message: "Joined group successfully" };
}

/** A public group. */
export async function joinByHandle(deps: GroupDeps, caller: Caller, handle: string): Promise<Group> {
  const id = await groupStore(deps.db).idByHandle(parseHandle(handle).toLowerCase());
  if (id === undefined) throw new OmError("record_not_found");
  return groupView(deps.views, await joinPublic(deps, caller, id), caller.userId);
}

/** By somebody whose account was made by an invitation to the group; one that is full or gone is not joined. */
export async function joinInvited(deps: GroupDeps, userId: number, groupId: number): Promise<void> {
  const change = { groupId, kind: "joined", userIds: [userId], actorId: userId } as const;
  await changeGroup(deps, change, async (stores) => {
    const access = await stores.members.access(groupId, userId);
    if (access === undefined || access.role !== null) return { head: undefined };
    const who = { userId, actorId: userId, whoMayAdd: deps.whoMayAdd };
    return { head: await addToGroup(stores, access.conversation_id, who) };
  }).catch((error: unknown) => {
    if (!(error instanceof OmError)) throw error;
  });
}

async function joinPublic(deps: GroupDeps, { userId }: Caller, groupId: number): Promise<GroupRow> {
  const change = { groupId, kind: "joined", userIds: [userId], actorId: userId } as const;
  const { row } = await changeGroup(deps, change, async (stores) => {
    const access = await stores.members.access(groupId, userId);
    if (access === undefined) throw new OmError("record_not_found");
    if (!access.is_public) throw new OmError("group_private");
    if (access.role !== null) throw new OmError("already_member");
    const head = await addToGroup(stores, access.conversation_id, {
      userId,
      actorId: userId,
      whoMayAdd: deps.whoMayAdd,
    });
    const row = await stores.groups.byId(groupId);
    if (row === undefined) throw new OmError("record_not_found");
    return { row, head };
  });
  return row;
}
