import type { RouteOutput } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { wholeNumber } from "../platform/page-limit.ts";
import type { ReceiveFile } from "../platform/upload.ts";
import type { GroupIconStore } from "./group-icon-store.ts";
import { replaceAvatar, type MediaDeps } from "./replace-avatar.ts";

/** The group as it is now, and the URL that was its icon before; undefined when the caller is no admin of such a group. */
export type SetIcon = (
  callerId: number,
  groupId: number,
  url: string,
) => Promise<{ group: RouteOutput<"groupAvatar">; previous: string } | undefined>;

/** @throws OmError `malformed_group_id`, those of `replaceAvatar`, `forbidden` unless the caller is an admin of the group */
export async function uploadGroupAvatar(
  deps: MediaDeps & { setIcon: SetIcon },
  caller: Caller,
  { groupId, receive }: { groupId: string | undefined; receive: ReceiveFile },
): Promise<RouteOutput<"groupAvatar">> {
  const id = wholeNumber(groupId);
  if (id === undefined || id > 0xffff_ffff) throw new OmError("malformed_group_id");
  const { group } = await replaceAvatar(deps, `avatars/group_${id}`, receive, async (url) => {
    const changed = await deps.setIcon(caller.userId, id, url);
    if (changed === undefined) throw new OmError("forbidden");
    return changed;
  });
  return group;
}

export function iconSetter(icons: GroupIconStore): SetIcon {
  return async (callerId, groupId, url) => {
    const row = await icons.set(callerId, groupId, url);
    if (row === undefined) return undefined;
    const { previous, handle, ...group } = row;
    return { group: handle === null ? group : { ...group, handle }, previous };
  };
}
