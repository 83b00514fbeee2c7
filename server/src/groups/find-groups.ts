import { limits, type Group, type RouteQuery } from "@om/protocol";
import type { Profiles } from "../accounts/profile-cache.ts";
import type { Reads } from "../cache/recorder.ts";
import type { Source } from "../cache/source.ts";
import type { CachedList } from "../conversations/list-cache.ts";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { pageLimit } from "../platform/page-limit.ts";
import { cleanName } from "../platform/visible-text.ts";
import type { Queries } from "../platform/postgres/database.ts";
import type { GroupDeps } from "./change-group.ts";
import type { CachedGroup } from "./group-cache.ts";
import { groupStore } from "./group-store.ts";
import { groupView } from "./group-view.ts";
import { parseGroupId, parseHandle } from "./parse-input.ts";

/** What reads of groups are given whose answers are kept. */
export interface GroupReadDeps extends Pick<GroupDeps, "db" | "views"> {
  profiles: Profiles;
  /** Tells which groups a user is in. */
  list: Source<number, CachedList>;
  about: Source<number, CachedGroup | undefined>;
}

/** A public group by its handle. */
export async function findGroup(
  deps: GroupReadDeps,
  caller: Caller,
  { handle, reads }: { handle: string; reads: Reads },
): Promise<Group> {
  const name = parseHandle(handle).toLowerCase();
  const id = await groupStore(deps.db).idByHandle(name);
  const [found] = id === undefined ? [] : await reads.read(deps.about, [id]);
  // The handle is this group's for as long as the group says so.
  if (found?.value?.handle?.toLowerCase() !== name) throw new OmError("group_not_found");
  const [group] = await viewed(deps, caller, { groups: [found.value], reads });
  if (group === undefined) throw new OmError("group_not_found");
  return group;
}

/** The caller's own groups, the newest first. */
export async function listGroups(deps: GroupReadDeps, caller: Caller, reads: Reads): Promise<Group[]> {
  const [list] = await reads.read(deps.list, [caller.userId]);
  const ids = (list?.value.groups ?? []).map(([, groupId]) => groupId).sort((a, b) => b - a);
  const found = await reads.read(deps.about, ids.slice(0, limits.groupsPage));
  const groups = found.flatMap(({ value }) => value ?? []);
  return viewed(deps, caller, { groups, reads });
}

async function viewed(
  { profiles, views }: GroupReadDeps,
  caller: Caller,
  { groups, reads }: { groups: readonly CachedGroup[]; reads: Reads },
): Promise<Group[]> {
  const creators = await profiles.forViewer(
    reads,
    caller,
    groups.map((group) => group.creator_id),
  );
  const open = new Map(creators.filter(({ isClosed }) => !isClosed).map((creator) => [creator.id, creator]));
  return groups.map(({ members: _members, ...group }) =>
    groupView(views, { ...group, creator: open.get(group.creator_id) ?? null }, caller.userId),
  );
}

/** Public groups whose name or handle contains the text, without case; those named so first, then in order of handle. */
export async function searchGroups(
  { db, views }: GroupDeps,
  { userId }: Caller,
  query: RouteQuery<"searchGroups">,
): Promise<{ groups: Group[] }> {
  const text = cleanName(query.q ?? "").trim();
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
