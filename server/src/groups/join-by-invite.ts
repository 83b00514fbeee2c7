import { limits, type Group } from "@om/protocol";
import type { UserViews } from "../accounts/user-view.ts";
import type { CacheWrites } from "../cache/write-marks.ts";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { admit } from "./admit.ts";
import { changeGroup } from "./change-group.ts";
import { checkInvite, findInvite } from "./find-invite.ts";
import { eventOf, type Announce } from "./group-event.ts";
import { groupView } from "./group-view.ts";

/** Answers with the group as it was before. A member gets the same answer and takes no use of the link. */
export async function joinByInvite(
  { db, writes, views, announce }: { db: Queries; writes: CacheWrites; views: UserViews; announce: Announce },
  { userId }: Caller,
  token: string,
): Promise<Group> {
  const { group_id: groupId } = await findInvite(db, token);
  const joined = await changeGroup(writes, { groupId, userIds: [userId] }, async (stores) => {
    const { groups, members, invites } = stores;
    const invite = await invites.byToken(token);
    const standing = await members.standing(groupId, userId);
    const row = await groups.byId(groupId);
    if (invite === undefined || standing === undefined || row === undefined) throw new OmError("record_not_found");
    checkInvite(invite);
    const before = await members.members(standing.conversation_id, limits.groupMembers);
    if (standing.role !== null) return { row, before, head: undefined };
    if (!(await invites.use(token))) throw new OmError("invite_exhausted");
    const head = await admit(stores, standing.conversation_id, { userId, by: userId, noAccount: "unauthorized" });
    return { row, before, head };
  });
  if (joined.head !== undefined) {
    announce(eventOf({ groupId, kind: "joined", userIds: [userId], by: userId }, joined.head));
  }
  return groupView(views, joined.row, userId, joined.before);
}
