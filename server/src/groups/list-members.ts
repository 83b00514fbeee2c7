import { limits, type FullUser } from "@om/protocol";
import type { UserViews } from "../accounts/user-view.ts";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { membershipStore } from "./membership-store.ts";
import { readGroupId } from "./read-input.ts";

/** Those of a private group are for members only. The oldest member first. */
export async function listMembers(
  { db, views }: { db: Queries; views: UserViews },
  { userId }: Caller,
  id: string | undefined,
): Promise<FullUser[]> {
  const members = membershipStore(db);
  const standing = await members.standing(readGroupId(id), userId);
  if (standing === undefined) throw new OmError("group_not_found");
  if (!standing.is_public && standing.role === null) throw new OmError("forbidden");
  const profiles = await members.profiles(standing.conversation_id, userId, limits.groupMembers);
  const online = await views.lookup(profiles);
  return profiles.map((profile) => views.full(profile, userId, online));
}
