import { limits, type User } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import { cleanText } from "../platform/cut-text.ts";
import { OmError } from "../platform/om-error.ts";
import { pageLimit } from "../platform/page-limit.ts";
import type { AccountStore } from "./account-store.ts";
import type { UserViews } from "./user-view.ts";

/** Users whose username or full name contains the text, without case, the one named so first, then in order of username. */
export async function searchUsers(
  { accounts, views }: { accounts: AccountStore; views: UserViews },
  caller: Caller,
  query: { q?: string | undefined; limit?: string | undefined },
): Promise<{ users: User[] }> {
  if (query.q === undefined || query.q === "") throw new OmError("missing_query");
  const text = cleanText(query.q).trim();
  if (text === "") return { users: [] };
  const found = await accounts.search(text, pageLimit(query.limit, limits.searchResults, 20), caller.userId);
  const online = await views.lookup(found);
  return { users: found.map((profile) => views.user(profile, caller.userId, online)) };
}
