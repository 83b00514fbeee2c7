import type { Group, RouteBody } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import { normalizedText } from "../platform/cut-text.ts";
import { OmError } from "../platform/om-error.ts";
import { cleanLines } from "../platform/visible-text.ts";
import { changeGroup, type GroupDeps } from "./change-group.ts";
import { groupStore, type GroupDetails } from "./group-store.ts";
import { groupView } from "./group-view.ts";
import { isTooLong, parseGroupName, parseNewHandle } from "./parse-input.ts";

/** The creator becomes its admin. A private group has no handle. */
export async function createGroup(
  deps: Omit<GroupDeps, "whoMayAdd">,
  { userId }: Caller,
  body: RouteBody<"createGroup">,
): Promise<Group> {
  const isPublic = body.is_public ?? false;
  const details: GroupDetails = {
    name: parseGroupName(body.name ?? ""),
    description: cleanLines(normalizedText(body.description ?? "")),
    isPublic,
    handle: isPublic ? parseNewHandle(body.handle) : undefined,
  };
  // The contract has a 500 here, where every other mistake of the caller is a 400.
  if (isTooLong(details)) throw new OmError("create_group_failed");
  const groupId = await groupStore(deps.db).nextId();
  const change = { groupId, kind: "joined", userIds: [userId], actorId: userId } as const;
  const made = await changeGroup(deps, change, async ({ groups, members }) => {
    const head = await groups.create(groupId, userId, details);
    const row = head && (await groups.byId(groupId));
    if (head === undefined || row === undefined) throw new OmError("unauthorized");
    return { head, row, members: await members.members(head.conversation_id, 1) };
  });
  return groupView(deps.views, made.row, userId, made.members);
}
