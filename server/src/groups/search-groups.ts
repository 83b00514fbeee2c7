import { limits, type Group } from "@om/protocol";
import type { UserViews } from "../accounts/user-view.ts";
import type { Caller } from "../platform/caller.ts";
import { cleanText } from "../platform/cut-text.ts";
import { OmError } from "../platform/om-error.ts";
import { pageLimit } from "../platform/page-limit.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { groupStore } from "./group-store.ts";
import { groupView } from "./group-view.ts";

/** Public groups whose name or handle contains the text, without case; those named so first, then in order of handle. */
export async function searchGroups(
  { db, views }: { db: Queries; views: UserViews },
  { userId }: Caller,
  query: { q?: string | undefined; limit?: string | undefined },
): Promise<{ groups: Group[] }> {
  const text = cleanText(query.q ?? "").trim();
  if (text === "") throw new OmError("missing_query");
  const rows = await groupStore(db).search(text, pageLimit(query.limit, limits.searchResults, 20));
  return { groups: rows.map((row) => groupView(views, row, userId)) };
}
