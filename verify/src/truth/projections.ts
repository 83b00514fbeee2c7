import {
  directText,
  headText,
  historyText,
  listText,
  member,
  noMember,
  settledText,
  type RenderedConversation,
  type RenderedLast,
  type RenderedMessage,
  type RenderedPosition,
  type RenderedReply,
} from "../history/shapes.ts";
import { wireIdOf, objectOf, peerOf, type Conversation, type Message, type Participant } from "./conversation.ts";

/** What an answer about a conversation has to show, by the rules of the wire contract; times and people are left out. */

/** What a list shows beside its conversations. */
export interface ProjectionContext {
  groupName(groupId: number): string;
  /** See `directText`. */
  hides(object: string): boolean;
}

/** Of a group for anybody: who may read it reads all of it. */
export function projectHistory(conversation: Conversation, viewer: number, limit: number): string {
  const me = conversation.participants.get(viewer);
  if (me === undefined && conversation.groupId === null) return "";
  const clearedSeq = me?.clearedSeq ?? 0;
  const page: RenderedMessage[] = [];
  for (let seq = conversation.messages.length; seq > clearedSeq && page.length < limit; seq--) {
    const message = conversation.messages[seq - 1];
    if (message === undefined || message.deleted || !seenBy(message, viewer)) continue;
    page.push({ ...shown(conversation, message), ...replyOf(conversation, message, { viewer, clearedSeq }) });
  }
  return historyText(page);
}

export function projectMembership(conversation: Conversation, userId: number): string {
  return conversation.participants.get(userId)?.left === false ? member : noMember;
}

function shown(
  conversation: Conversation,
  message: Message,
): RenderedReply & { sender_id: number; message_type: string } {
  const { id, seq, ver, version, content, senderId, type } = message;
  return {
    id,
    seq,
    ver,
    version,
    content,
    sender_id: senderId,
    message_type: type,
    status: statusOf(conversation, message),
  };
}

function seenBy({ hidden, senderId }: Message, viewer: number): boolean {
  return !hidden || senderId === viewer;
}

/** Whether the one other person has received or read it; of a group nobody says. */
function statusOf({ lo, hi, participants }: Conversation, { senderId, seq, hidden }: Message): string {
  const recipient = lo !== senderId || lo === hi ? lo : hi;
  const part = recipient === null || hidden ? undefined : participants.get(recipient);
  if (part === undefined) return "sent";
  return seq <= part.readSeq ? "read" : seq <= part.deliveredSeq ? "delivered" : "sent";
}

function replyOf(
  conversation: Conversation,
  { replyToId }: Message,
  { viewer, clearedSeq }: { viewer: number; clearedSeq: number },
): Pick<RenderedMessage, "reply_to_id" | "reply_to"> {
  if (replyToId === null) return {};
  const replied = conversation.messages.findLast(({ id }) => id === replyToId);
  const isShown = replied !== undefined && !replied.deleted && replied.seq > clearedSeq && seenBy(replied, viewer);
  return { reply_to_id: replyToId, ...(isShown ? { reply_to: shown(conversation, replied) } : {}) };
}

export function projectUnread(conversation: Conversation, viewer: number): string {
  const part = conversation.participants.get(viewer);
  return part === undefined || part.left ? noMember : String(unreadOf(conversation, part));
}

function unreadOf({ seq }: Conversation, { readSeq, sent, sentAtRead, skipped }: Participant): number {
  return seq - readSeq - (sent - sentAtRead) - skipped;
}

/** The entry of a conversation in the list of `viewer`; undefined when it is not in it. */
function entryOf(
  conversation: Conversation,
  viewer: number,
  context: ProjectionContext,
): RenderedConversation | undefined {
  const me = conversation.participants.get(viewer);
  if (me === undefined || me.left) return undefined;
  const { groupId, ver, seq, members } = conversation;
  const tail = tailOf(conversation, me);
  if (groupId === null && tail === null) return undefined;
  const peer = groupId === null ? peerOf(conversation, viewer) : 0;
  const last = tail === null ? undefined : findById(conversation, tail);
  return {
    conversation_id: wireIdOf(conversation, viewer),
    ver,
    seq,
    unread_count: unreadOf(conversation, me),
    cleared_seq: me.clearedSeq,
    my_position: positionOf(conversation, viewer),
    peer_position: groupId === null ? positionOf(conversation, peer) : null,
    last_message: last === undefined || !seenBy(last, viewer) ? null : lastOf(conversation, last),
    peer: groupId !== null ? null : { id: peer, full_name: "" },
    group: groupId === null ? null : { id: groupId, name: context.groupName(groupId), member_count: members },
  };
}

/** The last message that the user sees; null when there is none. */
function tailOf({ lastMessageId }: Conversation, { lastVisibleId, clearedId }: Participant): number | null {
  return (lastVisibleId ?? lastMessageId ?? 0) > clearedId ? (lastVisibleId ?? lastMessageId) : null;
}

function lastOf(conversation: Conversation, message: Message): RenderedLast {
  const { id, seq, ver, content, senderId } = message;
  return { id, seq, ver, content, sender_id: senderId, status: statusOf(conversation, message) };
}

/** Ids and places ascend together. */
function findById({ messages }: Conversation, id: number): Message | undefined {
  return messages.findLast((message) => message.id === id);
}

/** Positions as ids of messages: the last one at or before it that is not hidden from whom it is of, deleted or not. */
function positionOf({ messages, participants }: Conversation, userId: number): RenderedPosition {
  const idUpTo = (at: number): number => {
    for (let seq = at; seq > 0; seq--) {
      const message = messages[seq - 1];
      if (message !== undefined && seenBy(message, userId)) return message.id;
    }
    return 0;
  };
  const part = participants.get(userId);
  return {
    read_message_id: idUpTo(part?.readSeq ?? 0),
    delivered_message_id: idUpTo(part?.deliveredSeq ?? 0),
  };
}

/** A user's whole list: direct conversations by their last activity, the newest first. */
export function projectList(
  conversations: readonly Conversation[],
  viewer: number,
  context: ProjectionContext,
): string {
  const groups: number[] = [];
  const direct: { activity: string; id: number; text: string }[] = [];
  for (const conversation of conversations) {
    const entry = entryOf(conversation, viewer, context);
    if (entry === undefined) continue;
    if (conversation.groupId !== null) groups.push(conversation.groupId);
    else {
      const me = conversation.participants.get(viewer);
      const activity = (me?.lastVisibleId === null ? conversation.lastMessageAt : me?.lastVisibleAt) ?? "";
      const text = directText(entry, context.hides(objectOf(conversation)));
      direct.push({ activity, id: entry.last_message?.id ?? 0, text });
    }
  }
  direct.sort((a, b) => (a.activity === b.activity ? b.id - a.id : a.activity < b.activity ? 1 : -1));
  return listText(
    direct.map(({ text }) => text),
    groups,
  );
}

/** A group's entry in the lists of its members; `viewer` for the entry with what is that member's own. */
export function projectHead(conversation: Conversation, context: ProjectionContext, viewer?: number): string {
  const [anyMember] = [...conversation.participants].find(([, { left }]) => !left) ?? [];
  const entry = entryOf(conversation, viewer ?? anyMember ?? 0, context);
  if (entry === undefined) return "";
  return viewer === undefined ? headText(entry) : settledText(entry);
}
