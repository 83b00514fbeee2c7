import type { Conversation, LastMessage, Message } from "@om/protocol";
import type { Profile, UserViews } from "../accounts/user-view.ts";
import { conversationName, jsonTime, type ConversationRow, type MessageCells } from "./conversation-row.ts";
import type { HeadRow } from "./conversation-store.ts";

/** All messages of a row, in its order, as `viewerId` sees them. */
export function toMessages(row: ConversationRow, viewerId: number, views: UserViews): Message[] {
  const name = conversationName(row, viewerId);
  const lo = views.user(profileOf(row, row.lo), viewerId);
  const hi = row.hi === row.lo ? lo : views.user(profileOf(row, row.hi), viewerId);
  return row.messages.map((cells) => toMessage(row, cells, cells[3] === row.lo ? lo : hi, name));
}

/** Written out in one literal: a page makes a hundred of these, and they are most of what a read costs this process. */
function toMessage<S>(
  row: ConversationRow,
  cells: MessageCells,
  sender: S,
  name: string,
): Omit<Message, "sender"> & { sender: S } {
  const [id, seq, ver, senderId, clientId, messageType, content, version, createdAt] = cells;
  const toLo = row.lo !== senderId || row.lo === row.hi;
  const isRead = seq <= (toLo ? row.lo_read : row.hi_read);
  const isDelivered = isRead || seq <= (toLo ? row.lo_delivered : row.hi_delivered);
  const at = jsonTime(createdAt);
  return {
    id,
    client_id: clientId,
    sender_id: senderId,
    sender,
    recipient_id: toLo ? row.lo : row.hi,
    group_id: null,
    content,
    message_type: messageType,
    status: isRead ? "read" : isDelivered ? "delivered" : "sent",
    is_delivered: isDelivered,
    is_read: isRead,
    version,
    created_at: at,
    created_at_unix: Math.floor(Date.parse(at) / 1000),
    conversation_id: name,
    seq,
    ver,
  };
}

function profileOf(row: ConversationRow, userId: number): Profile {
  const profile = userId === row.lo ? row.lo_profile : row.hi_profile;
  return { ...profile, last_seen: profile.last_seen === null ? null : jsonTime(profile.last_seen) };
}

/** An entry of the conversation list; the row's only message is its last. */
export function toConversation(row: HeadRow, viewerId: number, views: UserViews): Conversation {
  const name = conversationName(row, viewerId);
  const [last] = row.messages;
  return {
    conversation_id: name,
    group: null,
    last_activity: row.last_message_at,
    last_message: last === undefined ? null : toLastMessage(row, last, { viewerId, views }),
    peer: views.peer(profileOf(row, row.lo === viewerId ? row.hi : row.lo), viewerId),
    unread_count: row.unread,
    ver: row.ver,
    seq: row.seq,
    my_position: { read_message_id: row.my_read_id, delivered_message_id: row.my_delivered_id },
    peer_position: { read_message_id: row.peer_read_id, delivered_message_id: row.peer_delivered_id },
  };
}

function toLastMessage(
  row: HeadRow,
  cells: MessageCells,
  { viewerId, views }: { viewerId: number; views: UserViews },
): LastMessage {
  const sender = views.peer(profileOf(row, cells[3]), viewerId);
  const { version: _version, ...message } = toMessage(row, cells, sender, conversationName(row, viewerId));
  return message;
}
