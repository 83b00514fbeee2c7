import type { Conversation, LastMessage, Message, MessageStatus } from "@om/protocol";
import type { UserViews } from "../accounts/user-view.ts";
import { conversationName, jsonTime, type ConversationRow, type MessageCells } from "./conversation-row.ts";
import type { HeadRow } from "./conversation-store.ts";

type MessageFields = Omit<Message, "sender" | "version">;

/** What `viewerId` sees of a message, but for its sender. */
function messageFields(row: ConversationRow, cells: MessageCells, viewerId: number): MessageFields {
  const [id, seq, ver, senderId, clientId, messageType, content, , createdAt] = cells;
  const recipientId = row.lo === senderId ? row.hi : row.lo;
  const [read, delivered] = recipientId === row.lo ? [row.lo_read, row.lo_delivered] : [row.hi_read, row.hi_delivered];
  const status: MessageStatus = seq <= read ? "read" : seq <= delivered ? "delivered" : "sent";
  return {
    id,
    client_id: clientId,
    sender_id: senderId,
    recipient_id: recipientId,
    group_id: null,
    content,
    message_type: messageType,
    status,
    is_delivered: status !== "sent",
    is_read: status === "read",
    created_at: jsonTime(createdAt),
    created_at_unix: Math.floor(Date.parse(createdAt) / 1000),
    conversation_id: conversationName(row, viewerId),
    seq,
    ver,
  };
}

function senderProfile(row: ConversationRow, senderId: number): ConversationRow["lo_profile"] {
  const profile = senderId === row.lo ? row.lo_profile : row.hi_profile;
  return { ...profile, last_seen: profile.last_seen === null ? null : jsonTime(profile.last_seen) };
}

/** All messages of a row, in its order, as `viewerId` sees them. */
export function toMessages(row: ConversationRow, viewerId: number, views: UserViews): Message[] {
  const senders = new Map([row.lo, row.hi].map((id) => [id, views.user(senderProfile(row, id), viewerId)] as const));
  return row.messages.map((cells) => {
    const fields = messageFields(row, cells, viewerId);
    const sender = senders.get(fields.sender_id);
    if (sender === undefined) throw new Error(`message ${fields.id} is by neither person of its conversation`);
    return { ...fields, sender, version: cells[7] };
  });
}

/** An entry of the conversation list; the row's only message is its last. */
export function toConversation(row: HeadRow, viewerId: number, views: UserViews): Conversation {
  const peerId = row.lo === viewerId ? row.hi : row.lo;
  const last = row.messages[0];
  const lastMessage: LastMessage | null =
    last === undefined
      ? null
      : { ...messageFields(row, last, viewerId), sender: views.peer(senderProfile(row, last[3]), viewerId) };
  return {
    conversation_id: conversationName(row, viewerId),
    group: null,
    last_activity: row.last_message_at,
    last_message: lastMessage,
    peer: views.peer(senderProfile(row, peerId), viewerId),
    unread_count: row.unread,
    ver: row.ver,
    seq: row.seq,
    my_position: { read_message_id: row.my_read_id, delivered_message_id: row.my_delivered_id },
    peer_position: { read_message_id: row.peer_read_id, delivered_message_id: row.peer_delivered_id },
  };
}
