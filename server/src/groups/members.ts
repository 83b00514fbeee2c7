import { limits, type FullUser, type RouteBody } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { admit, changeGroup, requireAdmin, type GroupDeps } from "./change-group.ts";
import { depart } from "./leave-group.ts";
import { membershipStore } from "./membership-store.ts";
import { readGroupId, readUserId } from "./read-input.ts";

/** Those of a private group are for members only. The oldest member first. */
export async function listMembers({ db, views }: GroupDeps, { userId }: Caller, id: string): Promise<FullUser[]> {
  const members = membershipStore(db);
  const standing = await members.standing(readGroupId(id), userId);
  if (standing === undefined) throw new OmError("group_not_found");
  if (!standing.is_public && standing.role === null) throw new OmError("forbidden");
  const profiles = await members.profiles(standing.conversation_id, userId, limits.groupMembers);
  const online = await views.lookup(profiles);
  return profiles.map((profile) => views.full(profile, userId, online));
}

/** By an admin; somebody who has blocked that admin cannot be added. Adding a member changes nothing. */
export async function addMember(
  deps: GroupDeps,
  { userId: by }: Caller,
  { id, user_id: userId }: { id: string } & RouteBody<"addMember">,
): Promise<{ message: string }> {
  const groupId = readGroupId(id);
  await changeGroup(deps, { groupId, kind: "joined", userIds: [userId], by }, async (stores) => {
    const { conversation_id: conversationId } = await requireAdmin(stores.members, groupId, by);
    const standing = await stores.members.standing(groupId, userId);
    const isMember = (standing?.role ?? null) !== null;
    return { head: isMember ? undefined : await admit(stores, conversationId, { userId, by }) };
  });
  return { message: "Member added successfully" };
}

/** By an admin, who may remove other admins too. Removing oneself is leaving; removing somebody who is no member changes nothing. */
export async function removeMember(
  deps: GroupDeps,
  { userId: by }: Caller,
  params: { id: string; user_id: string },
): Promise<{ message: string }> {
  const groupId = readGroupId(params.id);
  const userId = readUserId(params.user_id);
  const kind = userId === by ? "left" : "removed";
  await changeGroup(deps, { groupId, kind, userIds: [userId], by }, async (stores) => {
    const { conversation_id: conversationId } = await requireAdmin(stores.members, groupId, by);
    return { head: await depart(stores, conversationId, userId) };
  });
  return { message: "Member removed successfully" };
}

/** By an admin. The last admin stays one. */
export async function setRole(
  deps: GroupDeps,
  { userId: by }: Caller,
  { role, ...params }: { id: string; user_id: string } & RouteBody<"setRole">,
): Promise<{ message: string }> {
  const groupId = readGroupId(params.id);
  const userId = readUserId(params.user_id);
  await changeGroup(deps, { groupId, kind: "changed", userIds: [userId], by }, async ({ members }) => {
    const { conversation_id: conversationId } = await requireAdmin(members, groupId, by);
    const standing = await members.standing(groupId, userId);
    if ((standing?.role ?? null) === null) throw new OmError("user_not_found");
    if (role === "member" && !(await members.hasOtherAdmin(conversationId, userId))) throw new OmError("last_admin");
    return { head: await members.setRole(conversationId, userId, role) };
  });
  return { message: "Role changed successfully" };
}
