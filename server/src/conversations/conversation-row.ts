import type { Profile } from "../accounts/user-view.ts";
import { profileJson } from "../accounts/profile-columns.ts";

/** One message as `messageArray` builds it. */
export type MessageCells = [
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
  /** The message replied to as the viewer sees it, without a reply of its own. */
  reply: MessageCells | null,
];

/** The same message with another reply, or none. */
export function withReply(cells: MessageCells, reply: MessageCells | null): MessageCells {
  return cells.with(11, reply) as MessageCells;
}

/** A hidden message is seen by its sender only, also where it is replied to. */
export function withoutHiddenReply(cells: MessageCells, viewerId: number): MessageCells {
  const reply = cells[11];
  return reply !== null && reply[9] && reply[3] !== viewerId ? withReply(cells, null) : cells;
}

/**
 * A conversation with some of its messages, from one snapshot. The people whom a view needs come along: both of a direct
 * conversation, of a group those who wrote the messages.
 */
export interface ConversationRow {
  conversation_id: number;
  /** The two people of a direct conversation, in ascending order; null for a group. */
  lo: number | null;
  hi: number | null;
  group_id: number | null;
  ver: number;
  seq: number;
  lo_read: number | null;
  lo_delivered: number | null;
  hi_read: number | null;
  hi_delivered: number | null;
  people: Profile[];
  messages: MessageCells[];
}

/** Which conversation is meant: that of two people (`lo <= hi`), or a group's. */
export type Place = { lo: number; hi: number } | { groupId: number };

export function placeOf({ lo, hi, group_id: groupId }: Pick<ConversationRow, "lo" | "hi" | "group_id">): Place {
  return lo === null || hi === null ? { groupId: groupId ?? 0 } : { lo, hi };
}

export function directPlace(a: number, b: number): { lo: number; hi: number } {
  return { lo: Math.min(a, b), hi: Math.max(a, b) };
}

/** The place of `user_<peer>` or `group_<id>` for a viewer; undefined when the name is neither. */
export function placeNamed(name: string, viewerId: number): Place | undefined {
  const [, kind, digits] = /^(user|group)_(\d{1,16})$/.exec(name) ?? [];
  const id = Number(digits);
  if (!Number.isSafeInteger(id) || id < 1) return undefined;
  return kind === "group" ? { groupId: id } : directPlace(id, viewerId);
}

/** Parameters of `placeTable`. */
export function placeValues(place: Place): [lo: number | null, hi: number | null, groupId: number | null] {
  return "groupId" in place ? [null, null, place.groupId] : [place.lo, place.hi, null];
}

/** The same of many places, as arrays to unnest. */
export function placeColumns(places: readonly Place[]): (number | null)[][] {
  const values = places.map(placeValues);
  return [values.map(([lo]) => lo), values.map(([, hi]) => hi), values.map(([, , groupId]) => groupId)];
}

/** The other one of a direct conversation; null: it is a group. */
export function peerOf({ lo, hi }: Pick<ConversationRow, "lo" | "hi">, userId: number): number | null {
  return lo === userId ? hi : lo;
}

/** The name of a conversation as `viewerId` sees it. */
export function conversationName(row: Pick<ConversationRow, "lo" | "hi" | "group_id">, viewerId: number): string {
  return row.group_id === null ? `user_${peerOf(row, viewerId)}` : `group_${row.group_id}`;
}

/** `conversations c` of a place given by three expressions. */
export const placeTable = (lo: string, hi: string, groupId: string): string =>
  `(select k.id from conversations k where k.lo = ${lo} and k.hi = ${hi}` +
  ` union all select k.id from conversations k where k.group_id = ${groupId}) place join conversations c on c.id = place.id`;

/** Joined to `conversations c`: the viewer as `me`, who is a participant and has not left, and the two people's positions. */
export const conversationTables = (viewer: string): string =>
  `join participants me on me.user_id = ${viewer} and me.conversation_id = c.id and me.left_at is null` +
  " left join participants lo_part on lo_part.user_id = c.lo and lo_part.conversation_id = c.id" +
  " left join participants hi_part on hi_part.user_id = c.hi and hi_part.conversation_id = c.id";

/** Columns of `ConversationRow` but for people and messages; goes with `conversationTables`. */
export const conversationColumns =
  "c.id as conversation_id, c.lo, c.hi, c.group_id, c.ver, c.seq, lo_part.read_seq as lo_read," +
  " lo_part.delivered_seq as lo_delivered, hi_part.read_seq as hi_read, hi_part.delivered_seq as hi_delivered";

/** What the viewer may see of `messages m`; goes with `conversationTables`. */
export const shown = (viewer: string): string =>
  `m.conversation_id = c.id and m.deleted_at is null and m.seq > me.cleared_seq and ${seenBy("m", viewer)}`;

const seenBy = (alias: string, viewer: string): string => `(not ${alias}.hidden or ${alias}.sender_id = ${viewer})`;

/** The columns of a messages row with which `MessageCells` begins. */
export const messageColumns = (alias: string): string =>
  ["id", "seq", "ver", "sender_id", "client_id", "message_type", "content", "version", "created_at", "hidden"]
    .map((column) => `${alias}.${column}`)
    .join(", ");

const replied = (what: string, viewer: string): string =>
  `(select ${what} from messages r where r.id = m.reply_to_id and r.deleted_at is null and r.seq > me.cleared_seq` +
  ` and ${seenBy("r", viewer)})`;

/** `MessageCells` of a messages row `m`. */
export const messageArray = (viewer: string): string =>
  `json_build_array(${messageColumns("m")}, m.reply_to_id,` +
  ` case when m.reply_to_id is not null then ${replied(`json_build_array(${messageColumns("r")}, null, null)`, viewer)} end)`;

/** Ids of those who wrote the rows `m` of an aggregate, and what they reply to. */
const writers = (viewer: string): string =>
  `array_agg(m.sender_id) || array_agg(case when m.reply_to_id is not null then ${replied("r.sender_id", viewer)} end)`;

/** `people` of the row: of a group those named by `ids`, an array expression. */
export const peopleColumn = (viewer: string, ids: string): string =>
  `(select coalesce(json_agg(${profileJson(viewer)}), '[]') from users u` +
  ` where u.id = any(case when c.lo is null then ${ids} else array[c.lo, c.hi] end)) as people`;

/** All columns of `ConversationRow`, with the messages of a lateral `found`; goes with `foundMessages` and `conversationTables`. */
export const rowWithFound = (viewer: string): string =>
  `${conversationColumns}, coalesce(found.messages, '[]') as messages, ${peopleColumn(viewer, "found.writers")}`;

/** Aggregates over rows `m` of messages. */
export const foundMessages = (viewer: string, order: string, filter = ""): string =>
  `json_agg(${messageArray(viewer)} order by ${order}) ${filter} as messages, ${writers(viewer)} as writers`;

/** PostgreSQL's JSON writes `…07.5+00:00` (the session runs in UTC) where the wire has `…07.5Z`. */
export function jsonTime(text: string): string {
  return text.endsWith("+00:00") ? `${text.slice(0, -6)}Z` : text;
}
