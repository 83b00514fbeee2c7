import type { Message, MessageFrame, User } from "@om/protocol";
import type { Profile } from "../accounts/user-view.ts";
import { wireIdOf } from "../conversations/conversation-ref.ts";
import { jsonTime, withoutHiddenReply } from "../conversations/conversation-row.ts";
import { messageWithReply } from "../conversations/conversation-view.ts";
import { frameOf, pushesTo, type Push } from "../delivery/push.ts";
import { messageFrame } from "./message-frames.ts";
import { storedTuple, type StoredRow } from "./message-store.ts";
import type { SendWrite } from "./write.ts";

/** A message that was just stored, as a viewer sees it. */
export function storedMessage({ message }: SendWrite, row: StoredRow, sender: User, viewerId: number): Message {
  const { recipient_id: hi, group_id, seq, status } = row;
  const ref = { lo: group_id === null ? sender.id : null, hi, group_id };
  const read = status === "read" ? seq : 0;
  const delivered = status === "delivered" ? seq : read;
  // How far the sender has read is not known here, but in notes to oneself.
  const [lo_read, lo_delivered] = hi === sender.id ? [read, delivered] : [0, 0];
  const positions = { lo_read, lo_delivered, hi_read: read, hi_delivered: delivered };
  const users = new Map([[sender.id, sender]]);
  const author = row.reply?.sender;
  if (author !== undefined && author.id !== sender.id)
    users.set(author.id, publicUser({ ...author, last_seen: null }, false));
  const tuple = withoutHiddenReply(storedTuple(message, row), viewerId);
  return messageWithReply({ ...ref, ...positions }, tuple, users, wireIdOf(ref, viewerId));
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
export function messagePushes(write: SendWrite, row: StoredRow, senderOnline: boolean): Push[] {
  const { senderId } = write.message;
  const { recipient_id: recipientId, conversation_id: conversationId, seq, id } = row;
  const sender = publicUser(row.sender, senderOnline);
  const frameFor = (viewerId: number): MessageFrame => messageFrame(storedMessage(write, row, sender, viewerId));
  const message = { conversationId, seq, id };
  if (recipientId === senderId)
    return [{ userIds: [senderId], frame: frameOf(() => frameFor(senderId)), to: "all", message }];
  const shared = recipientId === null;
  const others = shared ? (row.members ?? []).filter((userId) => userId !== senderId) : row.hidden ? [] : [recipientId];
  return pushesTo({ others, byId: senderId, shared, except: write.socketId }, frameFor, { message });
}
