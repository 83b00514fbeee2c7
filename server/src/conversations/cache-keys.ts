import type { Invalidation } from "../cache/marks.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { statement } from "../platform/postgres/statement.ts";
import type { ConversationRef } from "./conversation-ref.ts";

/*
 * Cached objects of conversations, as redis-cli shows them:
 *   conv:{lo}:{hi}, group:{id}   newest messages and positions   5 min  messages/history-cache.ts   version conversations.ver
 *   convlist:{user}              the list's first page           2 min  list-cache.ts               version user_state.list_ver
 *   unread:{user}:{other}        unread messages                 1 min  unread-cache.ts             version conversations.ver
 *   member:{group}:{user}        membership in a group           5 min  member-cache.ts             version participants.member_ver
 */
/** Hears that a version of a cached object was shown that was read past the cache. */
export type RaiseFloor = (key: string, ver: number) => void;

export function conversationKey(ref: ConversationRef): string {
  return "groupId" in ref ? `group:${ref.groupId}` : `conv:${ref.lo}:${ref.hi}`;
}

export const listKey = (userId: number): string => `convlist:${userId}`;
export const listLock = (userId: number): string => `user:${userId}`;
export const unreadKey = (userId: number, peerId: number): string => `unread:${userId}:${peerId}`;
export const memberKey = (groupId: number, userId: number): string => `member:${groupId}:${userId}`;

const listVersions = statement<{ user_id: number; list_ver: number }>(
  "conversations.list_versions",
  "select user_id, list_ver from user_state where user_id = any($1)",
);

/** A group's version, and those of some users' memberships and lists. */
const groupVersions = statement<{ kind: "group" | "member" | "list"; user_id: number; ver: number }>(
  "conversations.group_versions",
  `select 'group' as kind, 0::bigint as user_id, c.ver from conversations c where c.group_id = $1
   union all select 'member', p.user_id, p.member_ver
     from participants p join conversations c on c.id = p.conversation_id where c.group_id = $1 and p.user_id = any($2)
   union all select 'list', u.user_id, u.list_ver from user_state u where u.user_id = any($2)`,
);

/** In a transaction that raised the versions of these users' lists. */
export async function invalidatedLists(queries: Queries, userIds: readonly number[]): Promise<Invalidation[]> {
  const rows = await queries.query(listVersions, [userIds]);
  return rows.map((row) => ({ key: listKey(row.user_id), ver: row.list_ver }));
}

/** In a transaction that changed a group or these users' memberships of it: what did not change has the version it had. */
export async function invalidatedGroup(
  queries: Queries,
  groupId: number,
  userIds: readonly number[],
): Promise<Invalidation[]> {
  const rows = await queries.query(groupVersions, [groupId, userIds]);
  return rows.map(({ kind, user_id: userId, ver }) => {
    if (kind === "group") return { key: conversationKey({ groupId }), ver };
    return { key: kind === "member" ? memberKey(groupId, userId) : listKey(userId), ver };
  });
}

/** Both directions of a direct conversation's unread counts: an answer tells the version, also where the count stays. */
export function invalidatedUnread(lo: number, hi: number, ver: number): Invalidation[] {
  return [...new Set([unreadKey(lo, hi), unreadKey(hi, lo)])].map((key) => ({ key, ver }));
}
