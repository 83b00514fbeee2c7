import type { Group, RouteBody } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import { cleanText } from "../platform/cut-text.ts";
import { OmError } from "../platform/om-error.ts";
import { changeGroup, requireAdmin, type GroupDeps } from "./change-group.ts";
import type { GroupFace, GroupRow } from "./group-store.ts";
import { groupView } from "./group-view.ts";
import { isTooLong, readGroupId, readGroupName, readHandle } from "./read-input.ts";

/** What is absent or null stays. A group that becomes private gives its handle back. An edit that changes nothing is no change. */
export async function editGroup(
  deps: GroupDeps,
  { userId: by }: Caller,
  { id, body }: { id: string; body: RouteBody<"editGroup"> },
): Promise<Group> {
  const groupId = readGroupId(id);
  const { row } = await changeGroup(deps, { groupId, kind: "changed", userIds: [], by }, async (stores) => {
    const { groups, members } = stores;
    const { conversation_id: conversationId } = await requireAdmin(members, groupId, by);
    const before = await groups.byId(groupId);
    if (before === undefined) throw new OmError("group_not_found");
    const face = faceAfter(before, body);
    if (isSame(before, face)) return { row: before, head: undefined };
    await groups.edit(groupId, face);
    const head = await members.changed(conversationId);
    return { row: (await groups.byId(groupId)) ?? before, head };
  });
  return groupView(deps.views, row, by);
}

/** @throws OmError `group_name_missing`, `group_text_too_long`, `invalid_handle` */
function faceAfter(before: GroupRow, body: RouteBody<"editGroup">): GroupFace {
  const isPublic = body.is_public ?? before.is_public;
  const face = {
    name: readGroupName(body.name ?? before.name),
    description: cleanText(body.description ?? before.description),
    isPublic,
    handle: isPublic ? readHandle(body.handle ?? before.handle) : undefined,
  };
  if (isTooLong(face)) throw new OmError("group_text_too_long");
  return face;
}

function isSame(before: GroupRow, face: GroupFace): boolean {
  return (
    before.name === face.name &&
    before.description === face.description &&
    before.is_public === face.isPublic &&
    before.handle === (face.handle ?? null)
  );
}
