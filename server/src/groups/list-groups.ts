import { limits, type Group } from "@om/protocol";
import type { UserViews } from "../accounts/user-view.ts";
import type { Caller } from "../platform/caller.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { groupStore } from "./group-store.ts";
import { groupView } from "./group-view.ts";

/** The caller's own groups, the newest first. */
export async function listGroups(
  { db, views }: { db: Queries; views: UserViews },
  { userId }: Caller,
): Promise<Group[]> {
  const rows = await groupStore(db).ofMember(userId, limits.groupsPage);
  return rows.map((row) => groupView(views, row, userId));
}
