import type { Conversation, LastMessage, Message, PeerUser, User } from "@om/protocol";
import type { IsOnline, Profile, UserViews } from "../accounts/user-view.ts";
import { wireIdOf, peerOf } from "./conversation-ref.ts";
import { jsonTime, type ConversationRow, type MessageTuple } from "./conversation-row.ts";
import type { HeadRow } from "./conversation-store.ts";

type Positions = Omit<ConversationRow, "conversation_id" | "ver" | "seq" | "profiles" | "messages">;

/** All messages of a row, in its order, as `viewerId` sees them. */
export function toMessages(row: ConversationRow, viewerId: number, views: UserViews, online: IsOnline): Message[] {
  const wireId = wireIdOf(row, viewerId);
  const users = new Map(row.profiles.map((one) => [one.id, views.user(withWireTimes(one), viewerId, online)]));
  return row.messages.map((tuple) => messageWithReply(row, tuple, users, wireId));
}

/** @param wireId of the conversation */
export function messageWithReply(
  row: Positions,
  tuple: MessageTuple,
  users: ReadonlyMap<number, User>,
  wireId: string,
): Message {
  const message = toMessage(row, tuple, users.get(tuple[3]) ?? placeholderUser(tuple[3]), wireId);
  const [reply, replyToId] = [tuple[11], tuple[10]];
  if (replyToId === null) return message;
  const replied =
    reply === null ? undefined : toMessage(row, reply, users.get(reply[3]) ?? placeholderUser(reply[3]), wireId);
  return { ...message, reply_to_id: replyToId, ...(replied === undefined ? {} : { reply_to: replied }) };
}

/** Written out in one literal: a page makes a hundred of these, and they are most of what a read costs this process. */
function toMessage<S>(
  row: Positions,
  tuple: MessageTuple,
  sender: S,
  wireId: string,
): Omit<Message, "sender" | "reply_to" | "reply_to_id"> & { sender: S } {
  const [id, seq, ver, senderId, clientId, messageType, content, version, createdAt, hidden] = tuple;
  const isToLo = row.lo !== senderId || row.lo === row.hi;
  const recipient = isToLo ? row.lo : row.hi;
  const hasReceipts = recipient !== null && !hidden;
  const isRead = hasReceipts && seq <= ((isToLo ? row.lo_read : row.hi_read) ?? 0);
  const isDelivered = isRead || (hasReceipts && seq <= ((isToLo ? row.lo_delivered : row.hi_delivered) ?? 0));
  const at = jsonTime(createdAt);
  return {
    id,
    client_id: clientId,
    sender_id: senderId,
    sender,
    recipient_id: recipient,
    group_id: row.group_id,
    content,
    message_type: messageType,
    status: isRead ? "read" : isDelivered ? "delivered" : "sent",
    is_delivered: isDelivered,
    is_read: isRead,
    version,
    created_at: at,
    created_at_unix: Math.floor(Date.parse(at) / 1000),
    conversation_id: wireId,
    seq,
    ver,
  };
}

/** A profile that came as JSON, with its time as the wire has it. */
export function withWireTimes(profile: Profile): Profile {
  return { ...profile, last_seen: profile.last_seen === null ? null : jsonTime(profile.last_seen) };
}

/** Stands for somebody whose row is gone, so that no message is lost with its author. */
const placeholderPeer = (id: number): PeerUser => {
  return { id, username: "", email: "", full_name: "", avatar: "", is_online: false, last_seen: null };
};
const placeholderUser = (id: number): User => ({ ...placeholderPeer(id), role: "user" });

/** An entry of the conversation list; the row's only message, if there is one, is its last. */
export function toConversation(row: HeadRow, viewerId: number, views: UserViews, online: IsOnline): Conversation {
  const peerId = peerOf(row, viewerId);
  const users = new Map(row.profiles.map((one) => [one.id, views.peer(withWireTimes(one), viewerId, online)]));
  const [last] = row.messages;
  return {
    conversation_id: wireIdOf(row, viewerId),
    group: row.group,
    last_activity: row.activity,
    last_message: last === undefined ? null : toLastMessage(row, last, users, viewerId),
    peer: peerId === null ? null : (users.get(peerId) ?? placeholderPeer(peerId)),
    unread_count: row.unread,
    ver: row.ver,
    seq: row.seq,
    my_position: { read_message_id: row.my_read_id, delivered_message_id: row.my_delivered_id },
    peer_position:
      peerId === null ? null : { read_message_id: row.peer_read_id, delivered_message_id: row.peer_delivered_id },
    cleared_seq: row.cleared_seq,
  };
}

function toLastMessage(
  row: HeadRow,
  tuple: MessageTuple,
  users: ReadonlyMap<number, PeerUser>,
  viewerId: number,
): LastMessage {
  const sender = users.get(tuple[3]) ?? placeholderPeer(tuple[3]);
  const { version: _version, ...message } = toMessage(row, tuple, sender, wireIdOf(row, viewerId));
  return tuple[10] === null ? message : { ...message, reply_to_id: tuple[10] };
}
