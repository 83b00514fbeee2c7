import type { Message, RepliedMessage, User } from "@om/protocol";
import type { Profile } from "../accounts/user-view.ts";
import { conversationName, jsonTime } from "../conversations/conversation-row.ts";
import { frameOf, type Frame, type Push } from "../delivery/push.ts";
import type { StoredRow } from "./message-store.ts";
import type { SendWrite } from "./write.ts";

/** A message just stored as its parts are known without reading it again: what was given, and what the database added. */
export function storedMessage(write: SendWrite, row: StoredRow, sender: User, viewerId: number): Message {
  const { message } = write;
  const name = conversationName(place(message.senderId, row), viewerId);
  const replied = repliedMessage(row, message.senderId, name);
  const isShown = replied !== undefined && (row.reply?.cells[9] !== true || replied.sender_id === viewerId);
  return {
    id: row.id,
    client_id: message.clientId,
    sender_id: message.senderId,
    sender,
    recipient_id: row.recipient_id,
    group_id: row.group_id,
    content: message.content,
    message_type: message.messageType,
    status: row.status,
    is_delivered: row.status === "delivered" || row.status === "read",
    is_read: row.status === "read",
    version: 1,
    created_at: row.created_at,
    created_at_unix: Math.floor(Date.parse(row.created_at) / 1000),
    conversation_id: name,
    seq: row.seq,
    ver: row.ver,
    ...(replied === undefined ? {} : { reply_to_id: replied.id, ...(isShown ? { reply_to: replied } : {}) }),
  };
}

function place(senderId: number, row: StoredRow): { lo: number | null; hi: number | null; group_id: number | null } {
  return { lo: senderId, hi: row.recipient_id, group_id: row.group_id };
}

/** Whoever wrote it, the other one of a direct conversation received it. */
function repliedMessage(row: StoredRow, senderId: number, name: string): RepliedMessage | undefined {
  if (row.reply === null) return undefined;
  const [id, seq, ver, authorId, clientId, messageType, content, version, createdAt] = row.reply.cells;
  const at = jsonTime(createdAt);
  return {
    id,
    client_id: clientId,
    sender_id: authorId,
    sender: publicUser({ ...row.reply.sender, last_seen: null }, false),
    recipient_id: row.group_id !== null ? null : authorId === senderId ? row.recipient_id : senderId,
    group_id: row.group_id,
    content,
    message_type: messageType,
    status: "sent",
    is_delivered: false,
    is_read: false,
    version,
    created_at: at,
    created_at_unix: Math.floor(Date.parse(at) / 1000),
    conversation_id: name,
    seq,
    ver,
  };
}

/** As anybody may see the user: no e-mail, no relation to the viewer. */
export function publicUser({ id, username, full_name, avatar, role, last_seen }: Profile, isOnline: boolean): User {
  const left = last_seen === null ? null : jsonTime(last_seen);
  return { id, username, email: "", full_name, avatar, role, is_online: isOnline, last_seen: left };
}

/**
 * For the devices of those whom it is for, and for the sender's other devices that follow by cursor. All members of a group share
 * one frame.
 */
export function messagePushes(
  write: SendWrite,
  row: StoredRow,
  { senderOnline, members }: { senderOnline: boolean; members: readonly number[] },
): Push[] {
  const { senderId } = write.message;
  const sender = publicUser(row.sender, senderOnline);
  const frame = (viewerId: number): Frame => {
    const message = storedMessage(write, row, sender, viewerId);
    const where = { conversation_id: message.conversation_id, ver: row.ver, seq: row.seq };
    return frameOf(JSON.stringify({ type: "message", message, ...where }));
  };
  const known = { conversationId: row.conversation_id, seq: row.seq, id: row.id };
  const own = (one: Frame): Push => ({ userIds: [senderId], frame: one, to: "resuming", except: write.socketId });
  if (row.recipient_id === null) {
    const shared = frame(senderId);
    const others = members.filter((userId) => userId !== senderId);
    return [{ userIds: others, frame: shared, to: "all", message: known }, own(shared)];
  }
  if (row.recipient_id === senderId)
    return [{ userIds: [senderId], frame: frame(senderId), to: "all", message: known }];
  if (row.hidden) return [own(frame(senderId))];
  const toRecipient: Push = { userIds: [row.recipient_id], frame: frame(row.recipient_id), to: "all", message: known };
  return [toRecipient, own(frame(senderId))];
}
