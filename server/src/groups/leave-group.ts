import type { Caller } from "../platform/caller.ts";
import { changeGroup, type GroupDeps, type GroupStores } from "./change-group.ts";
import { membershipStore, type GroupHead } from "./membership-store.ts";
import { parseGroupId } from "./parse-input.ts";

type Deps = Omit<GroupDeps, "views" | "whoMayAdd">;

/** Groups of one user that are left before the next are looked up. */
const page = 500;

/** Ends a membership and sees to it that members are left with an admin; undefined: was not a member. */
export async function removeFromGroup(
  { members }: GroupStores,
  conversationId: number,
  userId: number,
): Promise<GroupHead | undefined> {
  const head = await members.leave(conversationId, userId);
  if (head !== undefined) await members.promoteOrClose(conversationId);
  return head;
}

/** Succeeds for everybody, member or not. When the last admin leaves the oldest member becomes one. */
export async function leaveGroup(deps: Deps, { userId }: Caller, id: string): Promise<{ message: string }> {
  await leaveOne(deps, { groupId: parseGroupId(id), userId, isClosing: false });
  return { message: "Left group successfully" };
}

/** For an account that is being closed, after it can no longer join: one transaction per group. */
export async function leaveAllGroups(deps: Deps, userId: number): Promise<void> {
  const { groupIds } = membershipStore(deps.db);
  for (let ids = await groupIds(userId, page); ids.length > 0; ids = await groupIds(userId, page)) {
    for (const groupId of ids) await leaveOne(deps, { groupId, userId, isClosing: true });
  }
}

/** A closed account does nothing by itself any more, but whoever closes it may call twice. */
async function leaveOne(
  deps: Deps,
  { groupId, userId, isClosing }: { groupId: number; userId: number; isClosing: boolean },
): Promise<void> {
  await changeGroup(deps, { groupId, kind: "left", userIds: [userId], actorId: userId }, async (stores) => {
    const access = await stores.members.access(groupId, userId);
    if (access === undefined || (access.role === null && !isClosing)) return { head: undefined };
    return { head: await removeFromGroup(stores, access.conversation_id, userId) };
  });
}
