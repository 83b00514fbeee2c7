import { hasWritten } from "../accounts/profile-columns.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { statement } from "../platform/postgres/statement.ts";

/** One of the two has blocked the other. */
const blocked = (a: string, b: string): string => `exists (
     select from blocks where (blocker_id = ${a} and blocked_id = ${b}) or (blocker_id = ${b} and blocked_id = ${a})
   )`;

const open = statement<{ open: boolean }>(
  "presence.open",
  `select ${hasWritten("$1", "$2")} and not ${blocked("$1", "$2")} as open`,
);
const others = statement<{ user_id: number }>(
  "presence.group_others",
  `select p.user_id from conversations c
     join participants me on me.conversation_id = c.id and me.user_id = $1 and me.left_at is null
     join participants p on p.conversation_id = c.id and p.left_at is null and p.user_id <> $1
   where c.group_id = $2 and not ${blocked("$1", "p.user_id")} limit 10000`,
);
const peers = statement<{ peers: number[] }>(
  "presence.peers",
  `select (
     select coalesce(json_agg(peer.user_id), '[]') from (
       select case when c.lo = i.user_id then c.hi else c.lo end as user_id
       from participants p join conversations c on c.id = p.conversation_id
       where p.user_id = i.user_id and p.sent > 0 and c.lo <> c.hi and c.last_message_id is not null
       order by c.last_message_at desc limit $2
     ) peer
     where not ${blocked("i.user_id", "peer.user_id")}
   ) as peers
   from unnest($1::bigint[]) with ordinality as i(user_id, ord) order by i.ord`,
);

/** Who may see something of a user's presence. */
export function presenceStore(db: Queries) {
  return {
    /** The one has written to the other, and neither has blocked the other. */
    mayTell: async (a: number, b: number) => (await db.query(open, [a, b]))[0]?.open === true,
    /** The other members of a group that the user is in, without those with whom there is a block; nobody if the user is not. */
    groupOthers: async (userId: number, groupId: number) =>
      (await db.query(others, [userId, groupId])).map((row) => row.user_id),
    /** For each user those to whom that one has written, the latest first; at most `limit`. */
    peers: async (userIds: readonly number[], limit: number) =>
      (await db.query(peers, [userIds, limit])).map((row) => row.peers),
  };
}
export type PresenceStore = ReturnType<typeof presenceStore>;
