import { randomBytes } from "node:crypto";
import { limits, type Group, type Invite, type InvitePreview, type NewInvite, type RouteBody } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { addToGroup, changeGroup, requireAdmin, type GroupActor, type GroupDeps } from "./change-group.ts";
import { groupStore } from "./group-store.ts";
import { groupView } from "./group-view.ts";
import { inviteStore, type InviteRow } from "./invite-store.ts";
import { membershipStore, type GroupHead } from "./membership-store.ts";
import { parseGroupId } from "./parse-input.ts";

/** `joinBase`: what links begin with; "" when the operator has not set it. */
type LinkDeps = GroupDeps & { joinBase: string };

/** Later is never: 100 years, in seconds. */
const maxExpirySeconds = 3_155_760_000;

/** By an admin. A link without an end never expires. */
export async function createInvite(
  deps: LinkDeps,
  actor: GroupActor,
  { id, body }: { id: string; body: RouteBody<"createInvite"> },
): Promise<NewInvite> {
  const groupId = parseGroupId(id);
  const { userId } = actor;
  const seconds = body.expires_in_seconds ?? 0;
  const change = { groupId, kind: "changed", userIds: [], actorId: userId } as const;
  const { row } = await changeGroup(deps, change, async ({ members, invites, write }) => {
    const role = (await members.access(groupId, userId))?.role ?? null;
    if (role === null) throw new OmError("record_not_found");
    if (role !== "admin") throw new OmError("not_group_admin");
    const row = await invites.create({
      token: randomBytes(18).toString("base64url"),
      groupId,
      createdBy: userId,
      expiresInSeconds: seconds > 0 ? Math.min(seconds, maxExpirySeconds) : undefined,
      maxUses: body.single_use === true ? 1 : undefined,
    });
    const details = { uses: row.max_uses, expires: row.expires_at };
    await write(actor, { act: "create_invite", groupId, details });
    return { row, head: undefined };
  });
  return inviteView(row, deps.joinBase);
}

/** By an admin: the links that still admit somebody, the newest first. */
export async function listInvites(
  { db, joinBase }: LinkDeps,
  { userId }: Caller,
  id: string,
): Promise<{ invite_links: Invite[] }> {
  const groupId = parseGroupId(id);
  await requireAdmin(membershipStore(db), groupId, userId);
  const rows = await inviteStore(db).usable(groupId, limits.invitesPage);
  return {
    invite_links: rows.map((row) => {
      const { created_at, created_by, used_count } = row;
      return { ...inviteView(row, joinBase), created_at, created_by, used_count };
    }),
  };
}

/** By an admin. A revoked link stays so. */
export async function revokeInvite(
  deps: GroupDeps,
  actor: GroupActor,
  { id, token }: { id: string; token: string },
): Promise<{ message: string }> {
  const groupId = parseGroupId(id);
  const { userId: actorId } = actor;
  const change = { groupId, kind: "changed", userIds: [], actorId } as const;
  await changeGroup(deps, change, async ({ members, invites, write }) => {
    await requireAdmin(members, groupId, actorId);
    if (!(await invites.revoke(groupId, token))) throw new OmError("record_not_found");
    await write(actor, { act: "revoke_invite", groupId });
    return { head: undefined };
  });
  return { message: "Invite link revoked" };
}

/** What anybody who holds the link may see: nothing of its members. */
export async function previewInvite(
  { db, views }: Pick<GroupDeps, "db" | "views">,
  token: string,
): Promise<InvitePreview> {
  const invite = await findInvite(db, token);
  checkInvite(invite);
  const group = await groupStore(db).byId(invite.group_id);
  if (group === undefined) throw new OmError("record_not_found");
  const { expires_at, max_uses, used_count } = invite;
  const { description, handle, icon, id, is_public, name } = group;
  const shown = { description, handle, icon: views.mediaUrl(icon), id, is_public, name };
  return { expires_at, group: shown, max_uses, requires_auth: true, used_count };
}

/** Answers with the members as they were before. A member gets the same answer and takes no use of the link. */
export async function joinByInvite(deps: GroupDeps, { userId }: Caller, token: string): Promise<Group> {
  const { group_id: groupId } = await findInvite(deps.db, token);
  const change = { groupId, kind: "joined", userIds: [userId], actorId: userId } as const;
  const { row, before } = await changeGroup(deps, change, async (stores) => {
    const { groups, members, invites } = stores;
    const invite = await invites.byToken(token);
    const access = await members.access(groupId, userId);
    if (invite === undefined || access === undefined) throw new OmError("record_not_found");
    checkInvite(invite);
    const before = await members.members(access.conversation_id, limits.groupMembers);
    let head: GroupHead | undefined;
    if (access.role === null) {
      if (!(await invites.use(token))) throw new OmError("invite_exhausted");
      head = await addToGroup(stores, access.conversation_id, { userId, actorId: userId, whoMayAdd: deps.whoMayAdd });
    }
    const row = await groups.byId(groupId);
    if (row === undefined) throw new OmError("record_not_found");
    return { row, before, head };
  });
  return groupView(deps.views, row, userId, before);
}

/** @throws OmError `record_not_found` */
async function findInvite(db: Queries, token: string): Promise<InviteRow> {
  const invite = /^[\w-]{1,64}$/.test(token) ? await inviteStore(db).byToken(token) : undefined;
  if (invite === undefined) throw new OmError("record_not_found");
  return invite;
}

/** @throws OmError `invite_revoked`, `invite_expired`, `invite_exhausted` */
function checkInvite(invite: InviteRow): void {
  if (invite.revoked) throw new OmError("invite_revoked");
  if (invite.expired) throw new OmError("invite_expired");
  if (invite.max_uses !== null && invite.used_count >= invite.max_uses) throw new OmError("invite_exhausted");
}

function inviteView({ token, expires_at, max_uses }: InviteRow, joinBase: string): NewInvite {
  const path = `/join/${token}`;
  return { expires_at, join_path: path, join_url: joinBase === "" ? "" : `${joinBase}${path}`, max_uses, token };
}
