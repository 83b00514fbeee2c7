import type { Group } from "@om/protocol";
import type { UserViews } from "../accounts/user-view.ts";
import type { CacheWrites } from "../cache/write-marks.ts";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { admit } from "./admit.ts";
import { changeGroup } from "./change-group.ts";
import { eventOf, type Announce } from "./group-event.ts";
import { groupStore, type GroupRow } from "./group-store.ts";
import { groupView } from "./group-view.ts";
import { readGroupId, readHandle } from "./read-input.ts";

interface Deps {
  db: Queries;
  writes: CacheWrites;
  views: UserViews;
  announce: Announce;
}

/** A public group. */
export async function joinGroup(deps: Deps, caller: Caller, id: string | undefined): Promise<{ message: string }> {
  await joinPublic(deps, caller, readGroupId(id));
  return { message: "Joined group successfully" };
}

/** A public group. */
export async function joinByHandle(deps: Deps, caller: Caller, text: string | undefined): Promise<Group> {
  const found = await groupStore(deps.db).byHandle(readHandle(text));
  if (found === undefined) throw new OmError("record_not_found");
  return groupView(deps.views, await joinPublic(deps, caller, found.id), caller.userId);
}

async function joinPublic({ writes, announce }: Deps, { userId }: Caller, groupId: number): Promise<GroupRow> {
  const joined = await changeGroup(writes, { groupId, userIds: [userId] }, async (stores) => {
    const standing = await stores.members.standing(groupId, userId);
    const row = await stores.groups.byId(groupId);
    if (standing === undefined || row === undefined) throw new OmError("record_not_found");
    if (!standing.is_public) throw new OmError("group_private");
    if (standing.role !== null) throw new OmError("already_member");
    const head = await admit(stores, standing.conversation_id, { userId, by: userId, noAccount: "unauthorized" });
    return { row, head };
  });
  announce(eventOf({ groupId, kind: "joined", userIds: [userId], by: userId }, joined.head));
  return joined.row;
}
