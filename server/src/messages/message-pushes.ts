import type { Message, User } from "@om/protocol";
import { frameOf, type Frame, type Push } from "../delivery/push.ts";
import type { StoredRow } from "./message-store.ts";
import type { SendWrite } from "./write-batch.ts";

/** A message just stored as its parts are known without reading it again: what was given, and what the database added. */
export function storedMessage(write: SendWrite, row: StoredRow, sender: User, viewerId: number): Message {
  const { message } = write;
  return {
    id: row.id,
    client_id: message.clientId,
    sender_id: message.senderId,
    sender,
    recipient_id: row.recipient_id,
    group_id: null,
    content: message.content,
    message_type: message.messageType,
    status: row.status,
    is_delivered: row.status === "delivered" || row.status === "read",
    is_read: row.status === "read",
    version: 1,
    created_at: row.created_at,
    created_at_unix: Math.floor(Date.parse(row.created_at) / 1000),
    conversation_id: `user_${viewerId === message.senderId ? row.recipient_id : message.senderId}`,
    seq: row.seq,
    ver: row.ver,
  };
}

/** For the recipient's devices, and for the sender's other devices that follow by cursor. */
export function messagePushes(write: SendWrite, row: StoredRow, senderOnline: boolean): Push[] {
  const { senderId } = write.message;
  const sender: User = {
    id: senderId,
    username: row.username,
    email: "",
    full_name: row.full_name,
    avatar: row.avatar,
    role: row.role,
    is_online: senderOnline,
    last_seen: row.last_seen,
  };
  const frame = (viewerId: number): Frame => {
    const message = storedMessage(write, row, sender, viewerId);
    const where = { conversation_id: message.conversation_id, ver: row.ver, seq: row.seq };
    return frameOf(JSON.stringify({ type: "message", message, ...where }));
  };
  const toRecipient: Push = {
    userIds: [row.recipient_id],
    frame: frame(row.recipient_id),
    to: "all",
    message: { conversationId: row.conversation_id, seq: row.seq, id: row.id },
  };
  if (row.recipient_id === senderId) return [toRecipient];
  return [toRecipient, { userIds: [senderId], frame: frame(senderId), to: "resuming", except: write.socketId }];
}
