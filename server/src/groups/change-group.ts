import { OmError } from "../platform/om-error.ts";
import { violatedConstraint, type Database, type Queries } from "../platform/postgres/database.ts";
import { groupStore } from "./group-store.ts";
import { inviteStore } from "./invite-store.ts";
import { membershipStore, type MembershipStore, type Standing } from "./membership-store.ts";

/** The stores within one transaction. */
export interface GroupStores {
  groups: ReturnType<typeof groupStore>;
  members: MembershipStore;
  invites: ReturnType<typeof inviteStore>;
}

const storesOf = (db: Queries): GroupStores => ({
  groups: groupStore(db),
  members: membershipStore(db),
  invites: inviteStore(db),
});

/**
 * One transaction that holds the locks of a group and of the users whose lists it may change; what it reads stays true until it ends.
 * @param groupId undefined for a group that is about to be made
 * @throws OmError `handle_taken` when the work took a name that somebody has
 */
export async function changeGroup<T>(
  db: Database,
  on: { groupId: number | undefined; userIds: readonly number[] },
  work: (stores: GroupStores) => Promise<T>,
): Promise<T> {
  try {
    return await db.transaction(async (queries) => {
      const stores = storesOf(queries);
      await stores.members.lock(on.groupId, on.userIds);
      return work(stores);
    });
  } catch (error) {
    if (violatedConstraint(error) === "names_pkey") throw new OmError("handle_taken");
    throw error;
  }
}

/** @throws OmError `group_not_found`, `forbidden` */
export async function requireAdmin(members: MembershipStore, groupId: number, userId: number): Promise<Standing> {
  const standing = await members.standing(groupId, userId);
  if (standing === undefined) throw new OmError("group_not_found");
  if (standing.role !== "admin") throw new OmError("forbidden");
  return standing;
}
