import { limits, type Group, type RouteQuery } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import { cleanText } from "../platform/cut-text.ts";
import { OmError } from "../platform/om-error.ts";
import { pageLimit } from "../platform/page-limit.ts";
import type { Queries } from "../platform/postgres/database.ts";
import type { GroupDeps } from "./change-group.ts";
import { groupStore } from "./group-store.ts";
import { groupView } from "./group-view.ts";
import { parseGroupId, parseHandle } from "./parse-input.ts";

/** A public group by its handle. */
export async function findGroup({ db, views }: GroupDeps, { userId }: Caller, handle: string): Promise<Group> {
  const row = await groupStore(db).byHandle(parseHandle(handle));
  if (row === undefined) throw new OmError("group_not_found");
  return groupView(views, row, userId);
}

/** The caller's own groups, the newest first. */
export async function listGroups({ db, views }: GroupDeps, { userId }: Caller): Promise<Group[]> {
  const rows = await groupStore(db).ofMember(userId, limits.groupsPage);
  return rows.map((row) => groupView(views, row, userId));
}

/** Public groups whose name or handle contains the text, without case; those named so first, then in order of handle. */
export async function searchGroups(
  { db, views }: GroupDeps,
  { userId }: Caller,
  query: RouteQuery<"searchGroups">,
): Promise<{ groups: Group[] }> {
  const text = cleanText(query.q ?? "").trim();
  if (text === "") throw new OmError("missing_query");
  const rows = await groupStore(db).search(text, pageLimit(query.limit, limits.searchResults, 20));
  return { groups: rows.map((row) => groupView(views, row, userId)) };
}

/** Whether a handle is free among users and groups, without case; one's own group may be left out. */
export async function checkHandle(db: Queries, query: RouteQuery<"checkHandle">): Promise<{ available: boolean }> {
  const handle = parseHandle(query.handle);
  const except = (query.exclude_group_id ?? "") === "" ? undefined : parseGroupId(query.exclude_group_id);
  return { available: !(await groupStore(db).handleTaken(handle, except)) };
}
