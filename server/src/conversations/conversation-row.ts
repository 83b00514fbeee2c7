import type { Profile } from "../accounts/user-view.ts";

/** One message as `messageArray` builds it: id, seq, ver, sender, client_id, type, content, version, created_at. */
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
];

/**
 * A direct conversation with some of its messages, from one snapshot. Both people's profiles and positions come along, so that
 * every view can be made from it alone.
 */
export interface ConversationRow {
  conversation_id: number;
  lo: number;
  hi: number;
  ver: number;
  seq: number;
  lo_profile: Profile;
  hi_profile: Profile;
  lo_read: number;
  lo_delivered: number;
  hi_read: number;
  hi_delivered: number;
  messages: MessageCells[];
}

const profile = (alias: string): string =>
  `json_build_object('id', ${alias}.id, 'username', ${alias}.username, 'email', ${alias}.email,` +
  ` 'full_name', ${alias}.full_name, 'avatar', ${alias}.avatar, 'role', ${alias}.role, 'last_seen', ${alias}.last_seen)`;

/** Columns of `ConversationRow` but for the messages; goes with `conversationTables`. */
export const conversationColumns =
  `c.id as conversation_id, c.lo, c.hi, c.ver, c.seq, ${profile("lo_user")} as lo_profile, ${profile("hi_user")} as hi_profile,` +
  " lo_part.read_seq as lo_read, lo_part.delivered_seq as lo_delivered," +
  " hi_part.read_seq as hi_read, hi_part.delivered_seq as hi_delivered";

/** Joined to `conversations c`. */
export const conversationTables =
  "join users lo_user on lo_user.id = c.lo join users hi_user on hi_user.id = c.hi" +
  " join participants lo_part on lo_part.user_id = c.lo and lo_part.conversation_id = c.id" +
  " join participants hi_part on hi_part.user_id = c.hi and hi_part.conversation_id = c.id";

/** `MessageCells` of a messages row `m`. */
export const messageArray =
  "json_build_array(m.id, m.seq, m.ver, m.sender_id, m.client_id, m.message_type, m.content, m.version, m.created_at)";

/** PostgreSQL's JSON writes `…07.5+00:00` (the session runs in UTC) where the wire has `…07.5Z`. */
export function jsonTime(text: string): string {
  return text.endsWith("+00:00") ? `${text.slice(0, -6)}Z` : text;
}

/** The name of a direct conversation as `viewerId` sees it. */
export function conversationName(row: { lo: number; hi: number }, viewerId: number): string {
  return `user_${row.lo === viewerId ? row.hi : row.lo}`;
}

/** Ids of the two people of `user_<peer>` in ascending order; undefined when the name is not one of a direct conversation. */
export function directPair(name: string, viewerId: number): { lo: number; hi: number } | undefined {
  const peer = Number(/^user_(\d{1,16})$/.exec(name)?.[1]);
  if (!Number.isSafeInteger(peer) || peer < 1) return undefined;
  return { lo: Math.min(peer, viewerId), hi: Math.max(peer, viewerId) };
}
