import { limits, type WhoMayAdd } from "@om/protocol";
import { writeAct } from "../acts/act-store.ts";
import type { UserViews } from "../accounts/user-view.ts";
import { lockObjects } from "../cache/locks.ts";
import type { CacheWrites } from "../cache/cache-writes.ts";
import { invalidatedGroup, conversationKey, listLock } from "../conversations/cache-keys.ts";
import type { Actor } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { violatedConstraint, type Queries } from "../platform/postgres/database.ts";
import { invalidatedAbout } from "./group-cache.ts";
import { groupStore } from "./group-store.ts";
import { inviteStore } from "./invite-store.ts";
import { membershipStore, type GroupHead, type MembershipStore, type GroupAccess } from "./membership-store.ts";

/** What the use-cases of groups are given. */
export interface GroupDeps {
  db: Queries;
  writes: CacheWrites;
  views: UserViews;
  publishGroupEvent: PublishGroupEvent;
  /** Who may add those who have not said so themselves. */
  whoMayAdd: WhoMayAdd;
}

/** A change of a group. */
interface GroupChange {
  groupId: number;
  /** `changed`: what the group says of itself, a role or a link. The others change lists of `userIds`. */
  kind: "changed" | "joined" | "left" | "removed";
  /** To whom it happens. */
  userIds: readonly number[];
  /** Who does it. */
  actorId: number;
}

/** A committed change; `ver` and `seq` are those of the conversation after it. */
export interface GroupEvent extends GroupChange {
  conversationId: number;
  ver: number;
  seq: number;
}

/** Of whom the audit log keeps what they do. */
export type GroupActor = Actor & { userId: number };

/** Called once per change, after its commit. It must not throw. */
export type PublishGroupEvent = (event: GroupEvent) => void;

/** The stores within one transaction. */
export interface GroupStores {
  groups: ReturnType<typeof groupStore>;
  members: MembershipStore;
  invites: ReturnType<typeof inviteStore>;
  /** Into the audit log. */
  write(actor: Actor, act: Parameters<typeof writeAct>[2]): Promise<void>;
}

const storesOf = (db: Queries): GroupStores => ({
  groups: groupStore(db),
  members: membershipStore(db),
  invites: inviteStore(db),
  write: (actor, act) => writeAct(db, actor, act),
});

/**
 * One transaction that holds the locks of a group and of the users whose lists it may change; what it reads stays true until it ends.
 * Published when the work gives a `head`.
 * @throws OmError `handle_taken` when the work took a name that somebody has
 */
export async function changeGroup<T extends { head: GroupHead | undefined }>(
  { writes, publishGroupEvent }: Pick<GroupDeps, "writes" | "publishGroupEvent">,
  change: GroupChange,
  work: (stores: GroupStores) => Promise<T>,
): Promise<T> {
  const { groupId } = change;
  const listsOf = change.kind === "changed" ? [] : change.userIds;
  const run = writes.transaction(async (queries, invalidate) => {
    await lockObjects(queries, [conversationKey({ groupId }), ...listsOf.map(listLock)]);
    const done = await work(storesOf(queries));
    // What the work left as it was has its old version, which changes nothing in the cache.
    (await invalidatedGroup(queries, groupId, listsOf)).forEach(invalidate);
    if (done.head !== undefined) invalidate(await invalidatedAbout(queries, groupId));
    return done;
  });
  const done = await run.catch((error: unknown) => {
    throw violatedConstraint(error) === "names_pkey" ? new OmError("handle_taken") : error;
  });
  const { head } = done;
  if (head !== undefined)
    publishGroupEvent({ ...change, conversationId: head.conversation_id, ver: head.ver, seq: head.seq });
  return done;
}

/** @throws OmError `group_not_found`, `forbidden` */
export async function requireAdmin(members: MembershipStore, groupId: number, userId: number): Promise<GroupAccess> {
  const access = await members.access(groupId, userId);
  if (access === undefined) throw new OmError("group_not_found");
  if (access.role !== "admin") throw new OmError("forbidden");
  return access;
}

/**
 * Makes somebody who is not a member one, as `actorId` wants it; another's will ends a ban.
 * @throws OmError `group_full`, `forbidden` when banned, or blocked by the one who is added, `not_addable`; without account
 *   `user_not_found`, of oneself `unauthorized`
 */
export async function addToGroup(
  { members }: GroupStores,
  conversationId: number,
  { userId, actorId, whoMayAdd }: { userId: number; actorId: number; whoMayAdd: WhoMayAdd },
): Promise<GroupHead> {
  const isOwnWill = userId === actorId;
  const conditions = await members.joinConditions(conversationId, userId, actorId, whoMayAdd);
  if (!conditions.account) throw new OmError(isOwnWill ? "unauthorized" : "user_not_found");
  if (conditions.blocked || (isOwnWill && conditions.banned)) throw new OmError("forbidden");
  if (!isOwnWill && !conditions.addable) throw new OmError("not_addable");
  if (conditions.members >= limits.groupMembers) throw new OmError("group_full");
  return members.join(conversationId, userId);
}
