import type { RouteOutput } from "@om/protocol";
import type { ConversationStore, Part } from "../conversations/conversation-store.ts";
import { memberPart } from "../conversations/group-part.ts";
import type { MovePosition } from "../conversations/mark-read.ts";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import type { MessageStore } from "./message-store.ts";

interface Deps {
  conversations: ConversationStore;
  messages: MessageStore;
  move: MovePosition;
}

/**
 * The caller has read a group up to a message, which is cut to the newest one; 0 changes nothing. Answers with the message asked
 * for, which may be before the position that is kept.
 * @throws OmError `not_group_member`, `invalid_message_id`
 */
export async function readGroup(
  deps: Deps,
  caller: Caller,
  { groupId, messageId }: { groupId: number; messageId: number },
): Promise<RouteOutput<"groupRead">> {
  const part = await memberPart(deps.conversations, caller, groupId);
  if (messageId > 0) await checkMessage(deps.messages, caller, { messageId, part });
  const upTo = Math.min(messageId, part.latest_id);
  if (upTo > 0) await deps.move({ userId: caller.userId, to: { messageId: upTo, groupId }, read: true });
  return { last_read_message_id: upTo, latest_group_message_id: part.latest_id, ok: true };
}

async function checkMessage(
  messages: MessageStore,
  caller: Caller,
  { messageId, part }: { messageId: number; part: Part },
): Promise<void> {
  const row = await messages.one(messageId, caller.userId);
  if (row?.conversation_id !== part.conversation_id) throw new OmError("invalid_message_id");
}

/** Who has read how far. @throws OmError `not_group_member` */
export async function groupReadState(
  store: ConversationStore,
  caller: Caller,
  groupId: number,
): Promise<RouteOutput<"groupReadState">> {
  const part = await memberPart(store, caller, groupId);
  const readers = await store.readers(part.conversation_id);
  return {
    members: readers.map((row) => ({ last_read_message_id: row.message_id, user_id: row.user_id })),
    my_last_read_message_id: part.read_id,
  };
}
