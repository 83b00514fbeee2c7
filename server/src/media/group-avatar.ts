import type { RouteOutput } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { wholeNumber } from "../platform/page-limit.ts";
import type { ReceiveFile } from "../platform/upload.ts";
import { replaceAvatar, type MediaDeps } from "./replace-avatar.ts";

/** The group as it is now, and the URL that was its icon before. @throws OmError when the caller is no admin of such a group */
export type SetIcon = (
  callerId: number,
  groupId: number,
  url: string,
) => Promise<{ group: RouteOutput<"groupAvatar">; previous: string }>;

/** @throws OmError `malformed_group_id`, those of `replaceAvatar`, those of `SetIcon` */
export async function uploadGroupAvatar(
  deps: MediaDeps & { setIcon: SetIcon },
  caller: Caller,
  { groupId, receive }: { groupId: string | undefined; receive: ReceiveFile },
): Promise<RouteOutput<"groupAvatar">> {
  const id = wholeNumber(groupId);
  if (id === undefined || id > 0xffff_ffff) throw new OmError("malformed_group_id");
  const { group } = await replaceAvatar(deps, `avatars/group_${id}`, receive, (url) =>
    deps.setIcon(caller.userId, id, url),
  );
  return group;
}
