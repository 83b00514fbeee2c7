import type { MessageStatus, MessageType } from "@om/protocol";
import {
  conversationColumns,
  conversationTables,
  messageArray,
  type ConversationRow,
} from "../conversations/conversation-row.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { statement } from "../platform/postgres/statement.ts";

/** A direct message to store; (senderId, clientId) names it for ever. */
export interface NewMessage {
  senderId: number;
  recipientId: number;
  clientId: string;
  messageType: MessageType;
  content: string;
}

/** What became of one message of a batch; `ord` counts from 1. */
export interface StoredRow {
  ord: number;
  outcome: "stored" | "duplicate";
  id: number;
  conversation_id: number;
  recipient_id: number;
  seq: number;
  ver: number;
  status: MessageStatus;
  created_at: string;
  username: string;
  full_name: string;
  avatar: string;
  role: string;
  last_seen: string | null;
}

const sendBatch = statement<StoredRow>("messages.send_batch", "select * from send_batch($1, $2, $3, $4, $5)");

/** Stores all in one transaction; no row for a message whose recipient does not exist. (sender, client_id) must be distinct. */
export function storeMessages(db: Queries, batch: readonly NewMessage[]): Promise<StoredRow[]> {
  return db.query(sendBatch, [
    batch.map(({ senderId }) => senderId),
    batch.map(({ recipientId }) => recipientId),
    batch.map(({ clientId }) => clientId),
    batch.map(({ messageType }) => messageType),
    batch.map(({ content }) => content),
  ]);
}

/** The viewer's own participant row decides what was deleted for that viewer. */
const cleared = (viewer: string): string =>
  `case when c.lo = ${viewer} then lo_part.cleared_seq else hi_part.cleared_seq end`;
const shown = "m.conversation_id = c.id and m.deleted_at is null";

const history = statement<ConversationRow>(
  "messages.history",
  `select ${conversationColumns}, coalesce((
     select json_agg(${messageArray} order by m.seq desc) from (
       select m.* from messages m
       where ${shown} and m.seq > ${cleared("$3")} and m.seq <= case when $4 = 0 then c.seq else seq_at(c.id, $4 - 1) end
       order by m.seq desc limit $5
     ) m
   ), '[]') as messages
   from conversations c ${conversationTables}
   where c.lo = $1 and c.hi = $2`,
);

const since = statement<ConversationRow & { ord: number }>(
  "messages.since",
  `select i.ord, ${conversationColumns}, coalesce((
     select json_agg(${messageArray} order by m.seq) from (
       select m.* from messages m
       where ${shown} and m.seq > greatest(${cleared("$4")}, seq_at(c.id, i.after))
       order by m.seq limit $5
     ) m
   ), '[]') as messages
   from unnest($1::bigint[], $2::bigint[], $3::bigint[]) with ordinality as i(lo, hi, after, ord)
     join conversations c on c.lo = i.lo and c.hi = i.hi ${conversationTables}`,
);

const changedSince = statement<ConversationRow & { keys: number[] }>(
  "messages.changed_since",
  `select ${conversationColumns}, coalesce(found.messages, '[]') as messages, coalesce(found.keys, '[]') as keys
   from conversations c ${conversationTables},
     lateral (
       select json_agg(${messageArray} order by m.key) as messages, json_agg(m.key order by m.key) as keys from (
         (select m.*, m.first_ver as key from messages m
          where ${shown} and m.seq > greatest(${cleared("$3")}, seq_at_ver(c.id, $4)) order by m.seq limit $5)
         union all
         (select m.*, m.ver as key from messages m
          where ${shown} and (m.edited_at is not null or m.deleted_at is not null) and m.ver > $4
            and m.seq > ${cleared("$3")} and m.seq <= seq_at_ver(c.id, $4) order by m.ver limit $5)
         order by key limit $5
       ) m
     ) found
   where c.lo = $1 and c.hi = $2`,
);

const pending = statement<ConversationRow>(
  "messages.pending",
  `with picked as (
     select p.conversation_id as in_conversation, m.*
     from participants p join conversations c on c.id = p.conversation_id,
       lateral (
         select m.* from messages m
         where ${shown} and m.seq > greatest(p.delivered_seq, p.cleared_seq, case when $2 = 0 then 0 else seq_at(c.id, $2) end)
           and (m.sender_id <> $1 or c.lo = c.hi) and m.created_at > now() - make_interval(days => $3)
         order by m.seq limit $4
       ) m
     where p.user_id = $1 and c.lo is not null and c.seq > p.delivered_seq
     order by m.id limit $4
   )
   select ${conversationColumns}, json_agg(${messageArray} order by m.id) as messages
   from picked m join conversations c on c.id = m.in_conversation ${conversationTables}
   group by c.id, lo_user.id, hi_user.id, lo_part.user_id, lo_part.conversation_id, hi_part.user_id, hi_part.conversation_id`,
);

interface Pair {
  lo: number;
  hi: number;
}

/**
 * Reads of direct messages. `pair` always holds the viewer's own id, so nobody reads a conversation of others. Each call is one
 * statement, hence one snapshot.
 */
export function messageStore(db: Queries) {
  return {
    /** Newest first, ids strictly below `before` (0: from the end). No row: the two never wrote. */
    async history(pair: Pair, viewerId: number, page: { before: number; limit: number }) {
      const [row] = await db.query(history, [pair.lo, pair.hi, viewerId, page.before, page.limit]);
      return row;
    },
    /** Oldest first, ids above each request's `after`; `ord` counts the requests from 1, unknown conversations have no row. */
    since: (requests: readonly (Pair & { after: number })[], viewerId: number, limit: number) =>
      db.query(since, [
        requests.map(({ lo }) => lo),
        requests.map(({ hi }) => hi),
        requests.map(({ after }) => after),
        viewerId,
        limit,
      ]),
    /** Messages sent or changed after version `ver`, in that order; `keys` holds the version that placed each there. */
    async changedSince(pair: Pair, viewerId: number, page: { ver: number; limit: number }) {
      const [row] = await db.query(changedSince, [pair.lo, pair.hi, viewerId, page.ver, page.limit]);
      return row;
    },
    /** Messages to the user that no device proved to have received, lowest ids first, above `after`, `limit` over all rows. */
    pending: (userId: number, page: { after: number; days: number; limit: number }) =>
      db.query(pending, [userId, page.after, page.days, page.limit]),
  };
}
export type MessageStore = ReturnType<typeof messageStore>;
