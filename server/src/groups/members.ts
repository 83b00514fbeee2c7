import { limits, type FullUser, type RouteBody } from "@om/protocol";
import type { Reads } from "../cache/recorder.ts";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { addToGroup, changeGroup, requireAdmin, type GroupActor, type GroupDeps } from "./change-group.ts";
import type { GroupReadDeps } from "./find-groups.ts";
import { removeFromGroup } from "./leave-group.ts";
import { membershipStore } from "./membership-store.ts";
import { parseId } from "../platform/page-limit.ts";
import { parseGroupId } from "./parse-input.ts";

/** Those of a private group are for members only. The oldest member first. */
export async function listMembers(
  deps: GroupReadDeps,
  caller: Caller,
  { id, reads }: { id: string; reads: Reads },
): Promise<FullUser[]> {
  const { profiles, views } = deps;
  const groupId = parseGroupId(id);
  const [found] = await reads.read(deps.about, [groupId]);
  if (found?.value === undefined) throw new OmError("group_not_found");
  const { members, is_public: isPublic } = found.value;
  if (members === null) {
    reads.bypass();
    return listManyMembers(deps, caller, groupId);
  }
  if (!isPublic && !members.includes(caller.userId)) throw new OmError("forbidden");
  const [all, online] = await Promise.all([profiles.forViewer(reads, caller, members), views.observe(reads, members)]);
  const open = new Map(all.filter(({ isClosed }) => !isClosed).map((profile) => [profile.id, profile]));
  return members.flatMap((member) => {
    const profile = open.get(member);
    return profile === undefined ? [] : [views.full(profile, caller.userId, online)];
  });
}

async function listManyMembers({ db, views }: GroupReadDeps, { userId }: Caller, groupId: number): Promise<FullUser[]> {
  const members = membershipStore(db);
  const access = await members.access(groupId, userId);
  if (access === undefined) throw new OmError("group_not_found");
  if (!access.is_public && access.role === null) throw new OmError("forbidden");
  const profiles = await members.profiles(access.conversation_id, userId, limits.groupMembers);
  const online = await views.lookup(profiles);
  return profiles.map((profile) => views.full(profile, userId, online));
}

/** By an admin, as far as whom it is about lets that admin. Adding a member changes nothing. */
export async function addMember(
  deps: GroupDeps,
  actor: GroupActor,
  { id, user_id: userId }: { id: string } & RouteBody<"addMember">,
): Promise<{ message: string }> {
  const groupId = parseGroupId(id);
  const { userId: actorId } = actor;
  const { whoMayAdd } = deps;
  await changeGroup(deps, { groupId, kind: "joined", userIds: [userId], actorId }, async (stores) => {
    const { conversation_id: conversationId } = await requireAdmin(stores.members, groupId, actorId);
    const access = await stores.members.access(groupId, userId);
    if ((access?.role ?? null) !== null) return { head: undefined };
    await stores.write(actor, { act: "add_member", groupId, userId });
    return { head: await addToGroup(stores, conversationId, { userId, actorId, whoMayAdd }) };
  });
  return { message: "Member added successfully" };
}

/**
 * By an admin, who may remove other admins too. Whoever is removed, or has left before, joins no more until an admin adds them. Removing
 * oneself is leaving.
 */
export async function removeMember(
  deps: GroupDeps,
  actor: GroupActor,
  params: { id: string; user_id: string },
): Promise<{ message: string }> {
  const groupId = parseGroupId(params.id);
  const userId = parseId(params.user_id, "invalid_user_id", 0);
  const { userId: actorId } = actor;
  const kind = userId === actorId ? "left" : "removed";
  await changeGroup(deps, { groupId, kind, userIds: [userId], actorId }, async (stores) => {
    const { conversation_id: conversationId } = await requireAdmin(stores.members, groupId, actorId);
    const head = await removeFromGroup(stores, conversationId, userId);
    if (kind === "removed") await stores.members.ban(conversationId, userId);
    await stores.write(actor, { act: "remove_member", groupId, userId });
    return { head };
  });
  return { message: "Member removed successfully" };
}

/** By an admin. The last admin stays one. */
export async function setRole(
  deps: GroupDeps,
  actor: GroupActor,
  { role, ...params }: { id: string; user_id: string } & RouteBody<"setRole">,
): Promise<{ message: string }> {
  const groupId = parseGroupId(params.id);
  const userId = parseId(params.user_id, "invalid_user_id", 0);
  const { userId: actorId } = actor;
  await changeGroup(deps, { groupId, kind: "changed", userIds: [userId], actorId }, async ({ members, write }) => {
    const { conversation_id: conversationId } = await requireAdmin(members, groupId, actorId);
    const access = await members.access(groupId, userId);
    if ((access?.role ?? null) === null) throw new OmError("user_not_found");
    if (role === "member" && !(await members.hasOtherAdmin(conversationId, userId))) throw new OmError("last_admin");
    const head = await members.setRole(conversationId, userId, role);
    if (head !== undefined) await write(actor, { act: "set_role", groupId, userId, details: { role } });
    return { head };
  });
  return { message: "Role changed successfully" };
}
