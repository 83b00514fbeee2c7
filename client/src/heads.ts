import type { Conversation } from "@om/protocol";
import type { FrameDeps } from "./frames.ts";

/** Applies a conversation as the server has it, after what is new in it was emitted. */
export function applyHead(deps: FrameDeps, conversation: Conversation): void {
  const { conversation_id: conversationId, peer, my_position, peer_position, last_message: last } = conversation;
  const { selfId, tracker, position, receipts, cleared, events } = deps;
  const at = tracker.progress(conversationId);
  cleared.apply({ conversationId, seq: conversation.cleared_seq });
  // What was emitted since the server wrote this is newer.
  if (at === undefined || (at.ver <= conversation.ver && at.seq <= conversation.seq)) {
    events.emit("conversation", conversation);
  }
  const emitPosition = (userId: number, at: { read_message_id: number; delivered_message_id: number }): void => {
    position({ conversationId, userId, kind: "read", messageId: at.read_message_id });
    position({ conversationId, userId, kind: "delivered", messageId: at.delivered_message_id });
  };
  emitPosition(selfId, my_position);
  if (peer !== null && peer_position !== null && peer.id !== selfId) emitPosition(peer.id, peer_position);
  // An earlier run may have ended before it could say so.
  if (last !== null && last.sender_id !== selfId && my_position.delivered_message_id < last.id) {
    receipts.delivered(conversationId, last.id);
  }
}
