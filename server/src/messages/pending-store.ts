import {
  boundedText,
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

/** What is asked for one user of a batch: the `ord`-th, from 1. */
type Of<Row> = Row & { ord: number };

const pending = statement<Of<ConversationRow & { is_cut: boolean }>>(
  "messages.pending",
  `select i.ord, waiting.* from unnest($1::bigint[], $2::jsonb[]) with ordinality as i(viewer, sent_seqs, ord), lateral (
     with picked as (
       select * from ${boundedText(
         `select p.conversation_id as in_conversation, m.*
          from participants p join conversations c on c.id = p.conversation_id,
            lateral (select greatest(p.delivered_seq, (i.sent_seqs ->> c.id::text)::bigint) as seq) sent,
            lateral (
              select m.* from messages m
              where m.conversation_id = c.id and m.deleted_at is null and m.seq > greatest(sent.seq, p.cleared_seq)
                and ((m.sender_id <> i.viewer and not m.hidden) or c.lo = c.hi) and m.created_at > now() - make_interval(days => $3)
              order by m.seq limit $4
            ) m
          where p.user_id = i.viewer and p.left_at is null and c.seq > sent.seq
          order by m.id limit $4`,
         "m.id",
       )}
     )
     select ${rowWithFound("i.viewer")}, found.is_cut
     from (select distinct in_conversation as id from picked) wanted join conversations c on c.id = wanted.id ${conversationTables("i.viewer")},
       lateral (
         select ${foundMessages("i.viewer", "m.seq", "filter (where not m.is_over)")}, bool_or(m.is_over) as is_cut
         from picked m where m.in_conversation = c.id
       ) found
   ) waiting`,
);

const pendingRevisions = statement<Of<RevisionsRow>>(
  "messages.pending_revisions",
  `select i.ord, revised.* from unnest($1::bigint[]) with ordinality as i(viewer, ord), lateral (
     select ${rowWithFound("i.viewer")}, coalesce(found.deleted, '[]') as deleted,
       case when found.is_cut then found.up_to_ver else c.revised_ver end as up_to_ver,
       case when me.cleared_ver > me.delivered_ver then me.cleared_ver else 0 end as cleared
     from participants p join conversations c on c.id = p.conversation_id ${conversationTables("i.viewer")},
       lateral (
         select ${foundMessages("i.viewer", "m.ver", "filter (where m.deleted_at is null and not m.is_over)")},
           json_agg(json_build_object('id', m.id, 'ver', m.ver, 'sender_id', m.sender_id) order by m.ver)
             filter (where m.deleted_at is not null and not m.is_over) as deleted,
           count(*) = $2 or bool_or(m.is_over) as is_cut, max(m.ver) filter (where not m.is_over) as up_to_ver
         from ${boundedText(
           `select m.* from messages m
            where m.conversation_id = c.id and (m.edited_at is not null or m.deleted_at is not null) and m.ver > me.delivered_ver
              and m.seq <= me.delivered_seq and m.seq > me.cleared_seq and not m.hidden
              and (m.sender_id <> i.viewer or (c.group_id is not null and m.deleted_at is not null))
            order by m.ver limit $2`,
           "m.ver",
         )}
       ) found
     where p.user_id = i.viewer and p.left_at is null and c.revised_ver > p.delivered_ver
     order by c.last_message_at desc nulls last limit $3
   ) revised`,
);

const advanceDeliveredVer = statement<never>(
  "messages.advance_delivered_ver",
  `update participants p set delivered_ver = $3
   from (select set_config('synchronous_commit', 'off', true)) as async_commit
   where p.user_id = $1 and p.conversation_id = $2 and p.delivered_ver < $3
     and exists (select from users u where u.id = $1 and u.deleted_at is null)`,
);

/** A user, and what was sent already: conversation → seq. */
export interface PendingOf {
  userId: number;
  sentSeqs: ReadonlyMap<number, number>;
}

/** What waits for users who follow by queue: what history shows is not enough, a device has to prove it. */
export function pendingStore(db: Queries) {
  return {
    /**
     * Messages to each user that no device proved to have received, lowest ids first, in each conversation after those that were
     * sent, `limit` for each; `is_cut`: fewer for want of room.
     */
    pending: (of: readonly PendingOf[], { days, limit }: { days: number; limit: number }) =>
      db.query(pending, [
        of.map(({ userId }) => userId),
        of.map(({ sentSeqs }) => JSON.stringify(Object.fromEntries(sentSeqs))),
        days,
        limit,
      ]),
    /** Edits, deletes and deleted conversations, of messages that had been delivered, that no device proved to know of; bounds for each user. */
    pendingRevisions: (userIds: readonly number[], bounds: { messages: number; conversations: number }) =>
      db.query(pendingRevisions, [userIds, bounds.messages, bounds.conversations]),
    advanceDeliveredVer: (userId: number, conversationId: number, ver: number) =>
      db.query(advanceDeliveredVer, [userId, conversationId, ver]),
  };
}
export type PendingStore = ReturnType<typeof pendingStore>;
