import type { Source } from "../cache/source.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { statement } from "../platform/postgres/statement.ts";
import { conversationKey, unreadKey } from "./cache-keys.ts";
import { directRef } from "./conversation-ref.ts";

export interface UnreadId {
  userId: number;
  peerId: number;
}

const load = statement<{ ver: number; unread: number }>(
  "unread.load",
  `select coalesce(c.ver, 0) as ver,
     coalesce((c.seq - p.read_seq) - (p.sent - p.sent_at_read) - p.skipped, 0) as unread
   from unnest($1::bigint[], $2::bigint[]) with ordinality as i(user_id, other_id, ord)
     left join conversations c on c.lo = least(i.user_id, i.other_id) and c.hi = greatest(i.user_id, i.other_id)
     left join participants p on p.user_id = i.user_id and p.conversation_id = c.id
   order by i.ord`,
);

/** `unread:{user}:{other}`: how many of the other's messages the user has not read; the record is the number itself. */
export function unreadSource(db: Queries): Source<UnreadId, number> {
  return {
    name: "unread",
    ttlMs: 60_000,
    maxBytes: 256,
    maxRecords: 1,
    key: ({ userId, peerId }) => unreadKey(userId, peerId),
    lock: ({ userId, peerId }) => conversationKey(directRef(userId, peerId)),
    async load(ids) {
      const rows = await db.query(load, [ids.map(({ userId }) => userId), ids.map(({ peerId }) => peerId)]);
      return rows.map(({ ver, unread }) => ({ ver, value: unread }));
    },
    records: (unread) => [unread],
    fold: ([unread]) => (typeof unread === "number" ? unread : undefined),
  };
}
