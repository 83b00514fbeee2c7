import type { Group } from "@om/protocol";
import type { UserViews } from "../accounts/user-view.ts";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { groupStore } from "./group-store.ts";
import { groupView } from "./group-view.ts";
import { readHandle } from "./read-input.ts";

/** A public group by its handle. */
export async function findGroup(
  { db, views }: { db: Queries; views: UserViews },
  { userId }: Caller,
  handle: string | undefined,
): Promise<Group> {
  const row = await groupStore(db).byHandle(readHandle(handle));
  if (row === undefined) throw new OmError("group_not_found");
  return groupView(views, row, userId);
}
