/**
 * What is compared of an answer, as one text: once made from the answer, once from PostgreSQL's account of the object. Presence and
 * time stamps are left out; names, blocks and memberships are objects of their own.
 */

export interface RenderedReply {
  id: number;
  seq: number;
  ver: number;
  version: number;
  status: string;
  content: string;
}

/** A message of a history page, newest first. */
export interface RenderedMessage extends RenderedReply {
  sender_id: number;
  message_type: string;
  reply_to_id?: number;
  reply_to?: RenderedReply;
}

export function messageText(message: RenderedMessage): string {
  const { id, seq, ver, version, status, sender_id: senderId, message_type: type, content, reply_to: reply } = message;
  const text = `${seq}:${id} v${ver}.${version} ${status} ${senderId} ${type} ${content}`;
  if (message.reply_to_id === undefined) return text;
  const shown =
    reply === undefined ? "" : ` ${reply.seq} v${reply.ver}.${reply.version} ${reply.status} ${reply.content}`;
  return `${text} > ${message.reply_to_id}${shown}`;
}

export function historyText(messages: readonly RenderedMessage[]): string {
  return messages.map(messageText).join("\n");
}

/** What a group's reads show of the reader. */
export const member = "a member";
export const noMember = "no member";

export interface RenderedPosition {
  read_message_id: number;
  delivered_message_id: number;
}

export interface RenderedLast {
  id: number;
  seq: number;
  ver: number;
  status: string;
  sender_id: number;
  content: string;
}

export interface RenderedPeer {
  id: number;
  full_name: string;
  is_blocked?: boolean;
}

/** An entry of the conversation list. */
export interface RenderedConversation {
  conversation_id: string;
  ver: number;
  seq: number;
  unread_count: number;
  cleared_seq: number;
  my_position: RenderedPosition;
  peer_position: RenderedPosition | null;
  last_message: RenderedLast | null;
  peer: RenderedPeer | null;
  group: { id: number; name: string; member_count: number } | null;
}

const lastText = (last: RenderedLast | null): string =>
  last === null ? "-" : `${last.id}:${last.seq} v${last.ver} ${last.status} ${last.sender_id} ${last.content}`;

const positionText = (at: RenderedPosition | null): string =>
  at === null ? "-" : `${at.read_message_id}/${at.delivered_message_id}`;

/** @param hides messages in it may be hidden from one of the two, whose list does not follow its versions then */
export function directText(entry: RenderedConversation, hides: boolean): string {
  const at = hides ? "~" : `v${entry.ver} ${entry.seq}`;
  const positions = `me ${positionText(entry.my_position)} peer ${positionText(entry.peer_position)}`;
  const { conversation_id: id, unread_count: unread, cleared_seq: cleared } = entry;
  return `${id} ${at} unread ${unread} cleared ${cleared} ${positions} last ${lastText(entry.last_message)}`;
}

/** A list: its direct conversations in order, and which groups are in it. */
export function listText(direct: readonly string[], groupIds: readonly number[]): string {
  return [...direct, `groups ${groupIds.toSorted((a, b) => a - b).join(" ")}`].join("\n");
}

/** A group's entry without what is the reader's own, which the list follows by its own version. */
export function headText(entry: RenderedConversation): string {
  const { ver, seq, group, last_message: last } = entry;
  return `v${ver} ${seq} ${group?.name ?? ""} of ${group?.member_count ?? 0} last ${lastText(last)}`;
}

/** All of a group's entry, for when nothing moves any more. */
export function settledText(entry: RenderedConversation): string {
  const { unread_count: unread, my_position: mine } = entry;
  return `${headText(entry)} unread ${unread} me ${positionText(mine)}`;
}
