import type { RefColumns } from "./conversation-ref.ts";
import type { Profile } from "../accounts/user-view.ts";
import { profileJson } from "../accounts/profile-columns.ts";

/** One message as `messageArray` builds it. */
export type MessageTuple = [
  id: number,
  seq: number,
  ver: number,
  senderId: number,
  clientId: string,
  messageType: "text" | "image" | "file",
  content: string,
  version: number,
  createdAt: string,
  /** Its recipient had blocked the sender. */
  hidden: boolean,
  replyToId: number | null,
  /** The message repliedColumn to as the viewer sees it, without a reply of its own. */
  reply: MessageTuple | null,
  /** Not of a message repliedColumn to. */
  extras: MessageExtras | null,
];

/** What a message has beside its text. */
export interface MessageExtras {
  mentions?: number[];
  /** Who wrote it first. */
  forwarded_from?: number;
  reactions?: [emoji: string, userIds: number[]][];
}

/** The same message with another reply, or none. */
export function withReply(tuple: MessageTuple, reply: MessageTuple | null): MessageTuple {
  return tuple.with(11, reply) as MessageTuple;
}

/** A hidden message is seen by its sender only, also where it is repliedColumn to. */
export function withoutHiddenReply(tuple: MessageTuple, viewerId: number): MessageTuple {
  const reply = tuple[11];
  return reply !== null && reply[9] && reply[3] !== viewerId ? withReply(tuple, null) : tuple;
}

/**
 * A conversation with some of its messages, from one snapshot. The profiles that a view needs come along: both of a direct
 * conversation, of a group those who wrote the messages.
 */
export interface ConversationRow extends RefColumns {
  conversation_id: number;
  ver: number;
  seq: number;
  lo_read: number | null;
  lo_delivered: number | null;
  hi_read: number | null;
  hi_delivered: number | null;
  profiles: Profile[];
  messages: MessageTuple[];
}

/** Joined to `conversations c`: the viewer as `me`, who is a participant and has not left, and the two people's positions. */
export const conversationTables = (viewer: string): string =>
  `join participants me on me.user_id = ${viewer} and me.conversation_id = c.id and me.left_at is null` +
  " left join participants lo_part on lo_part.user_id = c.lo and lo_part.conversation_id = c.id" +
  " left join participants hi_part on hi_part.user_id = c.hi and hi_part.conversation_id = c.id";

/** Columns of `ConversationRow` but for profiles and messages; goes with `conversationTables`. */
export const conversationColumns =
  "c.id as conversation_id, c.lo, c.hi, c.group_id, c.ver, c.seq, lo_part.read_seq as lo_read," +
  " lo_part.delivered_seq as lo_delivered, hi_part.read_seq as hi_read, hi_part.delivered_seq as hi_delivered";

/** What the viewer may see of `messages m`; goes with `conversationTables`. */
export const visibleMessages = (viewer: string): string =>
  `m.conversation_id = c.id and m.deleted_at is null and m.seq > me.cleared_seq and ${visibleTo("m", viewer)}`;

const visibleTo = (alias: string, viewer: string): string => `(not ${alias}.hidden or ${alias}.sender_id = ${viewer})`;

/** The columns of a messages row with which `MessageTuple` begins. */
export const messageColumns = (alias: string): string =>
  ["id", "seq", "ver", "sender_id", "client_id", "message_type", "content", "version", "created_at", "hidden"]
    .map((column) => `${alias}.${column}`)
    .join(", ");

const repliedColumn = (what: string, viewer: string): string =>
  `(select ${what} from messages r where r.id = m.reply_to_id and r.deleted_at is null and r.seq > me.cleared_seq` +
  ` and ${visibleTo("r", viewer)})`;

/** `MessageTuple` of a messages row `m`. */
export const messageArray = (viewer: string): string =>
  `json_build_array(${messageColumns("m")}, m.reply_to_id,` +
  ` case when m.reply_to_id is not null then ${repliedColumn(`json_build_array(${messageColumns("r")}, null, null, null)`, viewer)} end, m.extras)`;

/** Ids of those who wrote the rows `m` of an aggregate, and what they reply to. */
const senderIds = (viewer: string): string =>
  `array_agg(m.sender_id) || array_agg(case when m.reply_to_id is not null then ${repliedColumn("r.sender_id", viewer)} end)`;

/** `profiles` of the row: of a group those named by `ids`, an array expression. */
export const profilesColumn = (viewer: string, ids: string): string =>
  `(select coalesce(json_agg(${profileJson(viewer)}), '[]') from users u` +
  ` where u.id = any(case when c.lo is null then ${ids} else array[c.lo, c.hi] end)) as profiles`;

/** All columns of `ConversationRow`, with the messages of a lateral `found`; goes with `foundMessages` and `conversationTables`. */
export const rowWithFound = (viewer: string): string =>
  `${conversationColumns}, coalesce(found.messages, '[]') as messages, ${profilesColumn(viewer, "found.sender_ids")}`;

/** Aggregates over rows `m` of messages. */
export const foundMessages = (viewer: string, order: string, filter = ""): string =>
  `json_agg(${messageArray(viewer)} order by ${order}) ${filter} as messages, ${senderIds(viewer)} as sender_ids`;

/** Text that is read at once of a conversation, or for a user, in bytes with that of replies; the message that goes beyond is the last one. */
const textBytes = 128 * 1024;

/**
 * `rows` of messages as `m`, with `is_over` where in this order there is too much text before. A message may be long, and what one
 * statement answers is parsed in one piece, while everybody waits. Lengths are known without reading the texts.
 */
export const boundedText = (rows: string, order: string): string =>
  `(select m.*, coalesce(sum(m.bytes) over (order by ${order} rows between unbounded preceding and 1 preceding), 0) > ${textBytes} as is_over` +
  ` from (select m.*, octet_length(m.content)` +
  ` + coalesce((select octet_length(r.content) from messages r where r.id = m.reply_to_id), 0) as bytes from (${rows}) m) m) m`;

/** PostgreSQL's JSON writes `…07.5+00:00` (the session runs in UTC) where the wire has `…07.5Z`. */
export function jsonTime(text: string): string {
  return text.endsWith("+00:00") ? `${text.slice(0, -6)}Z` : text;
}
