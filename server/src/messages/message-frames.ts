import type {
  ConversationDeleteFrame,
  Message,
  MessageDeleteFrame,
  MessageEditFrame,
  MessageFrame,
} from "@om/protocol";
import { wireIdOf, peerOf } from "../conversations/conversation-ref.ts";
import type { ConversationRow } from "../conversations/conversation-row.ts";
import type { Audience } from "../delivery/push.ts";
import type { RevisedConversation, RevisedMessage } from "./revision-store.ts";

/** A message as a push and the backlog carry it. */
export function messageFrame(message: Message): MessageFrame {
  const { conversation_id, ver, seq } = message;
  return { type: "message", message, conversation_id, ver, seq };
}

/** @param at `ver` of the edit, `seq` of the conversation */
export function editFrame(message: Message, at: { ver: number; seq: number }): MessageEditFrame {
  const { conversation_id } = message;
  return { type: "message_edit", message, conversation_id, ver: at.ver, seq: at.seq };
}

type ConversationRef = Pick<ConversationRow, "lo" | "hi" | "group_id" | "seq">;

/** @param deleted `ver`: of the deletion */
export function deleteFrame(
  ref: ConversationRef,
  { id, sender_id, ver }: { id: number; sender_id: number; ver: number },
  viewerId: number,
): MessageDeleteFrame {
  const { group_id, seq } = ref;
  const conversation_id = wireIdOf(ref, viewerId);
  const message = { id, sender_id, recipient_id: peerOf(ref, sender_id), group_id, conversation_id };
  return { type: "message_delete", message, conversation_id, ver, seq };
}

export function clearFrame(ref: ConversationRef, ver: number, viewerId: number): ConversationDeleteFrame {
  return { type: "conversation_delete", conversation_id: wireIdOf(ref, viewerId), ver, seq: ref.seq };
}

/** Who is told of a change that `byId` made. */
export function audience(changed: RevisedConversation | RevisedMessage, byId: number): Audience {
  const hidden = "hidden" in changed && changed.hidden;
  const all = changed.members ?? [changed.lo ?? byId, changed.hi ?? byId];
  const others = hidden ? [] : [...new Set(all)].filter((userId) => userId !== byId);
  return { others, byId, shared: changed.group_id !== null };
}
