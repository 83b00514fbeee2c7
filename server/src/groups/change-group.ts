import { limits } from "@om/protocol";
import type { UserViews } from "../accounts/user-view.ts";
import { lockObjects } from "../cache/locks.ts";
import type { CacheWrites } from "../cache/write-marks.ts";
import { invalidatedGroup, conversationKey, listLock } from "../conversations/cache-keys.ts";
import { OmError } from "../platform/om-error.ts";
import { violatedConstraint, type Queries } from "../platform/postgres/database.ts";
import { groupStore } from "./group-store.ts";
import { inviteStore } from "./invite-store.ts";
import { membershipStore, type Head, type MembershipStore, type Standing } from "./membership-store.ts";

/** What the use-cases of groups are given. */
export interface GroupDeps {
  db: Queries;
  writes: CacheWrites;
  views: UserViews;
  announce: Announce;
}

/** A change of a group. */
interface Change {
  groupId: number;
  /** `changed`: what the group says of itself, a role or a link. The others change lists of `userIds`. */
  kind: "changed" | "joined" | "left" | "removed";
  /** To whom it happens. */
  userIds: readonly number[];
  /** Who does it. */
  by: number;
}

/** A committed change; `ver` and `seq` are those of the conversation after it. */
export interface GroupEvent extends Change {
  conversationId: number;
  ver: number;
  seq: number;
}

/** Told once per change, after its commit. It must not throw. */
export type Announce = (event: GroupEvent) => void;

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
 * Announced when the work gives a `head`.
 * @throws OmError `handle_taken` when the work took a name that somebody has
 */
export async function changeGroup<T extends { head: Head | undefined }>(
  { writes, announce }: Pick<GroupDeps, "writes" | "announce">,
  change: Change,
  work: (stores: GroupStores) => Promise<T>,
): Promise<T> {
  const { groupId } = change;
  const listsOf = change.kind === "changed" ? [] : change.userIds;
  const run = writes.transaction(async (queries, touch) => {
    await lockObjects(queries, [conversationKey({ groupId }), ...listsOf.map(listLock)]);
    const done = await work(storesOf(queries));
    // What the work left as it was has its old version, which changes nothing in the cache.
    (await invalidatedGroup(queries, groupId, listsOf)).forEach(touch);
    return done;
  });
  const done = await run.catch((error: unknown) => {
    throw violatedConstraint(error) === "names_pkey" ? new OmError("handle_taken") : error;
  });
  const { head } = done;
  if (head !== undefined) announce({ ...change, conversationId: head.conversation_id, ver: head.ver, seq: head.seq });
  return done;
}

/** @throws OmError `group_not_found`, `forbidden` */
export async function requireAdmin(members: MembershipStore, groupId: number, userId: number): Promise<Standing> {
  const standing = await members.standing(groupId, userId);
  if (standing === undefined) throw new OmError("group_not_found");
  if (standing.role !== "admin") throw new OmError("forbidden");
  return standing;
}

/**
 * Makes somebody who is not a member one, at the wish of `by`.
 * @throws OmError `group_full`, `forbidden` when blocked by that one; without account `user_not_found`, of oneself `unauthorized`
 */
export async function admit(
  { members }: GroupStores,
  conversationId: number,
  { userId, by }: { userId: number; by: number },
): Promise<Head> {
  const room = await members.room(conversationId, userId, by);
  if (!room.account) throw new OmError(userId === by ? "unauthorized" : "user_not_found");
  if (room.blocked) throw new OmError("forbidden");
  if (room.members >= limits.groupMembers) throw new OmError("group_full");
  return members.join(conversationId, userId);
}
