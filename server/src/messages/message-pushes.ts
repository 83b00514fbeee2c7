import type { Message, MessageFrame, User } from "@om/protocol";
import type { Profile, UserViews } from "../accounts/user-view.ts";
import { wireIdOf } from "../conversations/conversation-ref.ts";
import { withoutHiddenReply } from "../conversations/conversation-row.ts";
import { messageWithReply, withWireTimes } from "../conversations/conversation-view.ts";
import { frameOf, pushesTo, type Push } from "../delivery/push.ts";
import { messageFrame } from "./message-frames.ts";
import { storedTuple } from "./message-store.ts";
import type { Sent } from "./send-message.ts";

type Views = Pick<UserViews, "anybody" | "mediaUrl">;

/** A message that was just stored, as a viewer sees it. */
export function storedMessage(
  views: Views,
  { write: { message }, row }: Sent,
  sender: User,
  viewerId: number,
): Message {
  const { recipient_id: hi, group_id, seq, status } = row;
  const ref = { lo: group_id === null ? sender.id : null, hi, group_id };
  const read = status === "read" ? seq : 0;
  const delivered = status === "delivered" ? seq : read;
  // How far the sender has read is not known here, but in notes to oneself.
  const [lo_read, lo_delivered] = hi === sender.id ? [read, delivered] : [0, 0];
  const positions = { lo_read, lo_delivered, hi_read: read, hi_delivered: delivered };
  const users = new Map([[sender.id, sender]]);
  const author = row.reply?.sender;
  if (author !== undefined && author.id !== sender.id) users.set(author.id, views.anybody(author));
  const tuple = withoutHiddenReply(storedTuple(message, row), viewerId);
  const shown = { users, wireId: wireIdOf(ref, viewerId), mediaUrl: views.mediaUrl };
  return messageWithReply({ ...ref, ...positions }, tuple, shown);
}

/**
 * Whoever writes is seen to be there; since when is for those alone to whom that one has written.
 * @param isShared with a group
 */
export function writer(
  views: Views,
  profile: Profile,
  { isOnline, isShared }: { isOnline: boolean; isShared: boolean },
): User {
  return views.anybody(withWireTimes({ ...profile, last_seen: isShared ? null : profile.last_seen }), isOnline);
}

/**
 * For the devices of those whom it is for, and for the sender's other devices that follow by cursor. All members of a group share
 * one frame.
 */
export function messagePushes(views: Views, { write, row }: Sent, senderOnline: boolean): Push[] {
  const { senderId } = write.message;
  const { recipient_id: recipientId, conversation_id: conversationId, seq, id } = row;
  const { apart } = row;
  const sender = writer(views, row.sender, { isOnline: senderOnline, isShared: recipientId === null });
  const absent = apart.length === 0 ? sender : views.anybody(row.sender);
  const frameFor = (viewerId: number): MessageFrame =>
    messageFrame(storedMessage(views, { write, row }, apart.includes(viewerId) ? absent : sender, viewerId));
  const message = { conversationId, seq, id };
  if (recipientId === senderId)
    return [{ userIds: [senderId], frame: frameOf(() => frameFor(senderId)), to: "all", message }];
  const shared = recipientId === null;
  const others = shared ? (row.members ?? []).filter((userId) => userId !== senderId) : row.hidden ? [] : [recipientId];
  return pushesTo({ others, apart, byId: senderId, shared, except: write.socketId }, frameFor, { message });
}
