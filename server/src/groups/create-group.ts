import type { Group, RouteBody } from "@om/protocol";
import type { UserViews } from "../accounts/user-view.ts";
import type { CacheWrites } from "../cache/write-marks.ts";
import type { Caller } from "../platform/caller.ts";
import { cleanText } from "../platform/cut-text.ts";
import { OmError } from "../platform/om-error.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { changeGroup } from "./change-group.ts";
import { eventOf, type Announce } from "./group-event.ts";
import { groupStore, type GroupFace } from "./group-store.ts";
import { groupView } from "./group-view.ts";
import { isTooLong, readGroupName, readHandle } from "./read-input.ts";

/** The creator becomes its admin. A private group has no handle. */
export async function createGroup(
  { db, writes, views, announce }: { db: Queries; writes: CacheWrites; views: UserViews; announce: Announce },
  { userId }: Caller,
  body: RouteBody<"createGroup">,
): Promise<Group> {
  const isPublic = body.is_public ?? false;
  const face: GroupFace = {
    name: readGroupName(body.name ?? ""),
    description: cleanText(body.description ?? ""),
    isPublic,
    handle: isPublic ? readHandle(body.handle) : undefined,
  };
  // The contract has a 500 here, where every other mistake of the caller is a 400.
  if (isTooLong(face)) throw new OmError("create_group_failed");
  const groupId = await groupStore(db).nextId();
  const made = await changeGroup(writes, { groupId, userIds: [userId] }, async ({ groups, members }) => {
    const head = await groups.create(groupId, userId, face);
    const row = head === undefined ? undefined : await groups.byId(head.group_id);
    if (head === undefined || row === undefined) throw new OmError("unauthorized");
    return { head, row, members: await members.members(head.conversation_id, 1) };
  });
  announce(eventOf({ groupId: made.row.id, kind: "joined", userIds: [userId], by: userId }, made.head));
  return groupView(views, made.row, userId, made.members);
}
