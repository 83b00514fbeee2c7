import { limits, type ErrorCode } from "@om/protocol";
import { OmError } from "../platform/om-error.ts";
import type { GroupStores } from "./change-group.ts";
import type { Head } from "./membership-store.ts";

/** Makes somebody who is not a member one. @throws OmError `group_full`, `forbidden` when blocked by that one, `noAccount` */
export async function admit(
  { members }: GroupStores,
  conversationId: number,
  { userId, by, noAccount }: { userId: number; by: number; noAccount: ErrorCode },
): Promise<Head> {
  const room = await members.room(conversationId, userId, by);
  if (!room.account) throw new OmError(noAccount);
  if (room.blocked) throw new OmError("forbidden");
  if (room.members >= limits.groupMembers) throw new OmError("group_full");
  return members.join(conversationId, userId);
}
