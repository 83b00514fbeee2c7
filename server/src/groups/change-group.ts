import { lockObjects } from "../cache/locks.ts";
import type { CacheWrites } from "../cache/write-marks.ts";
import { changedGroup, conversationKey, listLock } from "../conversations/cache-keys.ts";
import { OmError } from "../platform/om-error.ts";
import { violatedConstraint, type Queries } from "../platform/postgres/database.ts";
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
 * @throws OmError `handle_taken` when the work took a name that somebody has
 */
export async function changeGroup<T>(
  writes: CacheWrites,
  on: { groupId: number; userIds: readonly number[] },
  work: (stores: GroupStores) => Promise<T>,
): Promise<T> {
  try {
    return await writes.transaction(async (queries, touch) => {
      await lockObjects(queries, [conversationKey({ groupId: on.groupId }), ...on.userIds.map(listLock)]);
      const value = await work(storesOf(queries));
      // What the work left as it was has its old version, which changes nothing in the cache.
      (await changedGroup(queries, on.groupId, on.userIds)).forEach(touch);
      return value;
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
