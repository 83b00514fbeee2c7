import type { Conversation, LastMessage, Message, PeerUser, User } from "@om/protocol";
import type { IsOnline, Profile, UserViews } from "../accounts/user-view.ts";
import { wireIdOf, peerOf } from "./conversation-ref.ts";
import { jsonTime, type ConversationRow, type MessageExtras, type MessageTuple } from "./conversation-row.ts";
import type { HeadRow } from "./conversation-store.ts";

interface Positions extends Omit<ConversationRow, "conversation_id" | "ver" | "seq" | "profiles" | "messages"> {
  frozen?: Frozen | undefined;
}

/** How far somebody who has blocked the viewer is known to have come; message ids. */
interface Frozen {
  userId: number;
  readId: number;
  deliveredId: number;
}

function frozenIn(profiles: readonly Profile[]): Frozen | undefined {
  const peer = profiles.find(({ receipts }) => (receipts ?? null) !== null);
  return peer?.receipts ? { userId: peer.id, readId: peer.receipts[0], deliveredId: peer.receipts[1] } : undefined;
}

/** All messages of a row, in its order, as `viewerId` sees them. */
export function toMessages(row: ConversationRow, viewerId: number, views: UserViews, online: IsOnline): Message[] {
  const wireId = wireIdOf(row, viewerId);
  const users = new Map(row.profiles.map((one) => [one.id, views.user(withWireTimes(one), viewerId, online)]));
  const known = { ...row, frozen: frozenIn(row.profiles) };
  const { mediaUrl } = views;
  return row.messages.map((tuple) => messageWithReply(known, tuple, { users, wireId, mediaUrl }));
}

/** How messages are shown to one viewer. */
interface Shown extends Pick<UserViews, "mediaUrl"> {
  users: ReadonlyMap<number, User>;
  /** Of the conversation. */
  wireId: string;
}

export function messageWithReply(row: Positions, tuple: MessageTuple, shown: Shown): Message {
  const senderOf = ([, , , id]: MessageTuple): User => shown.users.get(id) ?? placeholderUser(id);
  const message = toMessage(row, tuple, senderOf(tuple), shown);
  const [reply, replyToId] = [tuple[11], tuple[10]];
  if (replyToId === null) return message;
  const replied = reply === null ? undefined : toMessage(row, reply, senderOf(reply), shown);
  return { ...message, reply_to_id: replyToId, ...(replied === undefined ? {} : { reply_to: replied }) };
}

/** Written out in one literal: a page makes a hundred of these, and they are most of what a read costs this process. */
function toMessage<S>(
  row: Positions,
  tuple: MessageTuple,
  sender: S,
  { wireId, mediaUrl }: Pick<Shown, "wireId" | "mediaUrl">,
): Omit<Message, "sender" | "reply_to" | "reply_to_id"> & { sender: S } {
  const [id, seq, ver, senderId, clientId, messageType, content, version, createdAt, hidden, , , extras] = tuple;
  const isToLo = row.lo !== senderId || row.lo === row.hi;
  const recipient = isToLo ? row.lo : row.hi;
  const hasReceipts = recipient !== null && !hidden;
  const frozen = row.frozen?.userId === recipient ? row.frozen : undefined;
  const { readId = id, deliveredId = id } = frozen ?? {};
  const isRead = hasReceipts && id <= readId && seq <= ((isToLo ? row.lo_read : row.hi_read) ?? 0);
  const isDelivered =
    isRead || (hasReceipts && id <= deliveredId && seq <= ((isToLo ? row.lo_delivered : row.hi_delivered) ?? 0));
  const at = jsonTime(createdAt);
  return {
    id,
    client_id: clientId,
    sender_id: senderId,
    sender,
    recipient_id: recipient,
    group_id: row.group_id,
    content: messageType === "text" ? content : mediaUrl(content),
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
    ...(extras === null ? undefined : shownExtras(extras)),
  };
}

function shownExtras({
  reactions,
  ...rest
}: MessageExtras): Pick<Message, "reactions" | "mentions" | "forwarded_from"> {
  if (reactions === undefined) return rest;
  return { ...rest, reactions: reactions.map(([emoji, user_ids]) => ({ emoji, user_ids })) };
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
  const [[last], wireId] = [row.messages, wireIdOf(row, viewerId)];
  const known = { ...row, frozen: frozenIn(row.profiles) };
  const { readId = row.peer_read_id, deliveredId = row.peer_delivered_id } = known.frozen ?? {};
  return {
    conversation_id: wireId,
    group: row.group && { ...row.group, icon: views.mediaUrl(row.group.icon) },
    last_activity: row.activity,
    last_message: last === undefined ? null : toLastMessage(known, last, users, { wireId, mediaUrl: views.mediaUrl }),
    peer: peerId === null ? null : (users.get(peerId) ?? placeholderPeer(peerId)),
    unread_count: row.unread,
    ver: row.ver,
    seq: row.seq,
    my_position: { read_message_id: row.my_read_id, delivered_message_id: row.my_delivered_id },
    peer_position:
      peerId === null
        ? null
        : {
            read_message_id: Math.min(row.peer_read_id, readId),
            delivered_message_id: Math.min(row.peer_delivered_id, deliveredId),
          },
    cleared_seq: row.cleared_seq,
    ...(row.mentions === 0 ? {} : { mention_count: row.mentions }),
    ...(row.settings === null ? {} : { settings: row.settings }),
  };
}

function toLastMessage(
  row: HeadRow & Positions,
  tuple: MessageTuple,
  users: ReadonlyMap<number, PeerUser>,
  shown: Pick<Shown, "wireId" | "mediaUrl">,
): LastMessage {
  const sender = users.get(tuple[3]) ?? placeholderPeer(tuple[3]);
  const { version: _version, ...message } = toMessage(row, tuple, sender, shown);
  return tuple[10] === null ? message : { ...message, reply_to_id: tuple[10] };
}
