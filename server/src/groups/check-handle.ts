import type { Queries } from "../platform/postgres/database.ts";
import { groupStore } from "./group-store.ts";
import { readGroupId, readHandle } from "./read-input.ts";

/** Whether a handle is free among users and groups, without case; one's own group may be left out. */
export async function checkHandle(
  db: Queries,
  query: { handle?: string | undefined; exclude_group_id?: string | undefined },
): Promise<{ available: boolean }> {
  const handle = readHandle(query.handle);
  const except = (query.exclude_group_id ?? "") === "" ? undefined : readGroupId(query.exclude_group_id);
  return { available: !(await groupStore(db).handleTaken(handle, except)) };
}
