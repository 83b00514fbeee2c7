import type { RouteOutput } from "@om/protocol";
import type { ConversationStore, Participant } from "../conversations/conversation-store.ts";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import type { MessageDeps } from "./deps.ts";

/** The caller's part in a group. @throws OmError `not_group_member` */
export async function requireMember(store: ConversationStore, caller: Caller, groupId: number): Promise<Participant> {
  const participant = await store.participant({ groupId }, caller.userId);
  if (participant === undefined) throw new OmError("not_group_member");
  return participant;
}

/**
 * The caller has read a group up to a message, which is cut to the newest one; 0 changes nothing. Answers with the message asked
 * for, which may be before the position that is kept.
 * @throws OmError `not_group_member`, `invalid_message_id`
 */
export async function markGroupRead(
  deps: Pick<MessageDeps, "conversations" | "store" | "advance">,
  caller: Caller,
  { groupId, messageId }: { groupId: number; messageId: number },
): Promise<RouteOutput<"groupRead">> {
  const participant = await requireMember(deps.conversations, caller, groupId);
  const message = messageId > 0 ? await deps.store.one(messageId, caller.userId) : participant;
  if (message?.conversation_id !== participant.conversation_id) throw new OmError("invalid_message_id");
  const upTo = Math.min(messageId, participant.latest_id);
  if (upTo > 0) await deps.advance({ userId: caller.userId, to: { messageId: upTo, groupId }, read: true });
  return { last_read_message_id: upTo, latest_group_message_id: participant.latest_id, ok: true };
}

/** Who has read how far, but for those with whom the caller has a block. @throws OmError `not_group_member` */
export async function fetchGroupReadState(
  { conversations, blockedAmong }: Pick<MessageDeps, "conversations" | "blockedAmong">,
  caller: Caller,
  groupId: number,
): Promise<RouteOutput<"groupReadState">> {
  const participant = await requireMember(conversations, caller, groupId);
  const positions = await conversations.readPositions(participant.conversation_id);
  const readers = positions.map((row) => row.user_id);
  const apart = await blockedAmong(caller.userId, readers);
  return {
    members: positions
      .filter((row) => !apart.includes(row.user_id))
      .map((row) => ({ last_read_message_id: row.message_id, user_id: row.user_id })),
    my_last_read_message_id: participant.read_id,
  };
}
