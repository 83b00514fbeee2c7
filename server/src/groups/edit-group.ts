import type { Group, RouteBody } from "@om/protocol";
import { normalizedText } from "../platform/cut-text.ts";
import { OmError } from "../platform/om-error.ts";
import { cleanLines } from "../platform/visible-text.ts";
import { changeGroup, requireAdmin, type GroupActor, type GroupDeps } from "./change-group.ts";
import type { GroupDetails, GroupRow } from "./group-store.ts";
import { groupView } from "./group-view.ts";
import { isTooLong, parseGroupId, parseGroupName, parseHandle, parseNewHandle } from "./parse-input.ts";

/** What is absent or null stays. A group that becomes private gives its handle back. An edit that changes nothing is no change. */
export async function editGroup(
  deps: GroupDeps,
  actor: GroupActor,
  { id, body }: { id: string; body: RouteBody<"editGroup"> },
): Promise<Group> {
  const groupId = parseGroupId(id);
  const { userId: actorId } = actor;
  const { row } = await changeGroup(deps, { groupId, kind: "changed", userIds: [], actorId }, async (stores) => {
    const { groups, members } = stores;
    const { conversation_id: conversationId } = await requireAdmin(members, groupId, actorId);
    const before = await groups.byId(groupId);
    if (before === undefined) throw new OmError("group_not_found");
    const details = mergeDetails(before, body);
    if (isUnchanged(before, details)) return { row: before, head: undefined };
    await groups.edit(groupId, details);
    await stores.write(actor, { act: "edit_group", groupId });
    const head = await members.raiseVersion(conversationId);
    return { row: (await groups.byId(groupId)) ?? before, head };
  });
  return groupView(deps.views, row, actorId);
}

/** @throws OmError `group_name_missing`, `group_text_too_long`, `invalid_handle` */
function mergeDetails(before: GroupRow, body: RouteBody<"editGroup">): GroupDetails {
  const isPublic = body.is_public ?? before.is_public;
  const details = {
    name: parseGroupName(body.name ?? before.name),
    description: cleanLines(normalizedText(body.description ?? before.description)),
    isPublic,
    handle: isPublic ? mergedHandle(before.handle, body.handle) : undefined,
  };
  if (isTooLong(details)) throw new OmError("group_text_too_long");
  return details;
}

function mergedHandle(before: string | null, given: string | null | undefined): string {
  const handle = parseHandle(given ?? before);
  return handle.toLowerCase() === before?.toLowerCase() ? handle : parseNewHandle(handle);
}

function isUnchanged(before: GroupRow, details: GroupDetails): boolean {
  return (
    before.name === details.name &&
    before.description === details.description &&
    before.is_public === details.isPublic &&
    before.handle === (details.handle ?? null)
  );
}
