import type { Conversation, LastMessage, Message, PeerUser, User } from "@om/protocol";
import type { IsOnline, Profile, UserViews } from "../accounts/user-view.ts";
import { conversationName, jsonTime, peerOf, type ConversationRow, type MessageCells } from "./conversation-row.ts";
import type { HeadRow } from "./conversation-store.ts";

type Positions = Omit<ConversationRow, "conversation_id" | "ver" | "seq" | "people" | "messages">;

/** All messages of a row, in its order, as `viewerId` sees them. */
export function toMessages(row: ConversationRow, viewerId: number, views: UserViews, online: IsOnline): Message[] {
  const name = conversationName(row, viewerId);
  const people = new Map(row.people.map((one) => [one.id, views.user(timedProfile(one), viewerId, online)]));
  return row.messages.map((cells) => messageWithReply(row, cells, people, name));
}

/** @param name of the conversation, as the viewer sees it */
export function messageWithReply(
  row: Positions,
  cells: MessageCells,
  people: ReadonlyMap<number, User>,
  name: string,
): Message {
  const message = toMessage(row, cells, people.get(cells[3]) ?? nobody(cells[3]), name);
  const [reply, replyToId] = [cells[11], cells[10]];
  if (replyToId === null) return message;
  const replied = reply === null ? undefined : toMessage(row, reply, people.get(reply[3]) ?? nobody(reply[3]), name);
  return { ...message, reply_to_id: replyToId, ...(replied === undefined ? {} : { reply_to: replied }) };
}

/** Written out in one literal: a page makes a hundred of these, and they are most of what a read costs this process. */
function toMessage<S>(
  row: Positions,
  cells: MessageCells,
  sender: S,
  name: string,
): Omit<Message, "sender" | "reply_to" | "reply_to_id"> & { sender: S } {
  const [id, seq, ver, senderId, clientId, messageType, content, version, createdAt, hidden] = cells;
  const toLo = row.lo !== senderId || row.lo === row.hi;
  const recipient = toLo ? row.lo : row.hi;
  const told = recipient !== null && !hidden;
  const isRead = told && seq <= ((toLo ? row.lo_read : row.hi_read) ?? 0);
  const isDelivered = isRead || (told && seq <= ((toLo ? row.lo_delivered : row.hi_delivered) ?? 0));
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
    conversation_id: name,
    seq,
    ver,
  };
}

/** A profile that came as JSON, with its time as the wire has it. */
export function timedProfile(profile: Profile): Profile {
  return { ...profile, last_seen: profile.last_seen === null ? null : jsonTime(profile.last_seen) };
}

/** Stands for somebody whose row is gone, so that no message is lost with its author. */
const noPeer = (id: number): PeerUser => {
  return { id, username: "", email: "", full_name: "", avatar: "", is_online: false, last_seen: null };
};
const nobody = (id: number): User => ({ ...noPeer(id), role: "user" });

/** An entry of the conversation list; the row's only message, if there is one, is its last. */
export function toConversation(row: HeadRow, viewerId: number, views: UserViews, online: IsOnline): Conversation {
  const peerId = peerOf(row, viewerId);
  const people = new Map(row.people.map((one) => [one.id, views.peer(timedProfile(one), viewerId, online)]));
  const [last] = row.messages;
  return {
    conversation_id: conversationName(row, viewerId),
    group: row.group,
    last_activity: row.activity,
    last_message: last === undefined ? null : toLastMessage(row, last, people, viewerId),
    peer: peerId === null ? null : (people.get(peerId) ?? noPeer(peerId)),
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
  cells: MessageCells,
  people: ReadonlyMap<number, PeerUser>,
  viewerId: number,
): LastMessage {
  const sender = people.get(cells[3]) ?? noPeer(cells[3]);
  const { version: _version, ...message } = toMessage(row, cells, sender, conversationName(row, viewerId));
  return cells[10] === null ? message : { ...message, reply_to_id: cells[10] };
}
