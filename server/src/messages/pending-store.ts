import {
  conversationTables,
  foundMessages,
  rowWithFound,
  type ConversationRow,
} from "../conversations/conversation-row.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { statement } from "../platform/postgres/statement.ts";

/** What changed in a conversation since its user last proved to know, see `pendingRevisions`. */
export interface RevisionsRow extends ConversationRow {
  /** Everything up to this version is in the row. */
  up_to_ver: number;
  /** The version at which somebody else deleted the conversation for this user; 0: nobody since. */
  cleared: number;
  deleted: { id: number; ver: number; sender_id: number }[];
}

const pending = statement<ConversationRow>(
  "messages.pending",
  `with picked as (
     select p.conversation_id as in_conversation, m.*
     from participants p join conversations c on c.id = p.conversation_id
       left join unnest($2::bigint[], $5::bigint[]) as sent(conversation_id, seq) on sent.conversation_id = c.id,
       lateral (
         select m.* from messages m
         where m.conversation_id = c.id and m.deleted_at is null
           and m.seq > greatest(p.delivered_seq, p.cleared_seq, sent.seq)
           and ((m.sender_id <> $1 and not m.hidden) or c.lo = c.hi) and m.created_at > now() - make_interval(days => $3)
         order by m.seq limit $4
       ) m
     where p.user_id = $1 and p.left_at is null and c.seq > greatest(p.delivered_seq, sent.seq)
     order by m.id limit $4
   )
   select ${rowWithFound("$1")}
   from (select distinct in_conversation as id from picked) wanted join conversations c on c.id = wanted.id ${conversationTables("$1")},
     lateral (select ${foundMessages("$1", "m.seq")} from picked m where m.in_conversation = c.id) found`,
);

const pendingRevisions = statement<RevisionsRow>(
  "messages.pending_revisions",
  `select ${rowWithFound("$1")}, coalesce(found.deleted, '[]') as deleted,
     case when found.n = $2 then found.up_to_ver else c.revised_ver end as up_to_ver,
     case when me.cleared_ver > me.delivered_ver then me.cleared_ver else 0 end as cleared
   from participants p join conversations c on c.id = p.conversation_id ${conversationTables("$1")},
     lateral (
       select ${foundMessages("$1", "m.ver", "filter (where m.deleted_at is null)")},
         json_agg(json_build_object('id', m.id, 'ver', m.ver, 'sender_id', m.sender_id) order by m.ver)
           filter (where m.deleted_at is not null) as deleted,
         count(*) as n, max(m.ver) as up_to_ver
       from (
         select m.* from messages m
         where m.conversation_id = c.id and (m.edited_at is not null or m.deleted_at is not null) and m.ver > me.delivered_ver
           and m.seq <= me.delivered_seq and m.seq > me.cleared_seq and not m.hidden
           and (m.sender_id <> $1 or (c.group_id is not null and m.deleted_at is not null))
         order by m.ver limit $2
       ) m
     ) found
   where p.user_id = $1 and p.left_at is null and c.revised_ver > p.delivered_ver
   order by c.last_message_at desc nulls last limit $3`,
);

const advanceDeliveredVer = statement<never>(
  "messages.advance_delivered_ver",
  `update participants p set delivered_ver = $3
   from (select set_config('synchronous_commit', 'off', true)) as async_commit
   where p.user_id = $1 and p.conversation_id = $2 and p.delivered_ver < $3`,
);

/** What waits for a user who follows by queue: what history shows is not enough, a device has to prove it. */
export function pendingStore(db: Queries) {
  return {
    /**
     * Messages to the user that no device proved to have received, lowest ids first, in each conversation after those that were
     * sent (conversation → seq), `limit` over all rows.
     */
    pending: (userId: number, page: { sentSeqs: ReadonlyMap<number, number>; days: number; limit: number }) =>
      db.query(pending, [userId, [...page.sentSeqs.keys()], page.days, page.limit, [...page.sentSeqs.values()]]),
    /** Edits, deletes and deleted conversations, of messages that had been delivered, that no device proved to know of. */
    pendingRevisions: (userId: number, bounds: { messages: number; conversations: number }) =>
      db.query(pendingRevisions, [userId, bounds.messages, bounds.conversations]),
    advanceDeliveredVer: (userId: number, conversationId: number, ver: number) =>
      db.query(advanceDeliveredVer, [userId, conversationId, ver]),
  };
}
export type PendingStore = ReturnType<typeof pendingStore>;
