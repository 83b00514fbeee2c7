import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { wholeNumber } from "../platform/page-limit.ts";
import type { ConversationStore, Part } from "./conversation-store.ts";

/** @throws OmError `invalid_group_id` */
export function readGroupId(text: string | undefined): number {
  const id = wholeNumber(text);
  if (id === undefined || id === 0) throw new OmError("invalid_group_id");
  return id;
}

/** The caller's part in a group. @throws OmError `not_group_member` */
export async function memberPart(store: ConversationStore, caller: Caller, groupId: number): Promise<Part> {
  const part = await store.part({ groupId }, caller.userId);
  if (part === undefined) throw new OmError("not_group_member");
  return part;
}
