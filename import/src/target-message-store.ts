import type { Queries } from "@om/server/platform/postgres/database";
import { only, statement } from "@om/server/platform/postgres/statement";
import { nextSpan, paged } from "./import-connection.ts";
import { checksum, type ConversationSum, type SourceMessage, type SourcePosition } from "./source-message-store.ts";
import type { SourceMember } from "./source-store.ts";

/** Nobody but the importer has changed conversation `c`, of which `i` is what the importer left. */
const untouched = "i.seq = c.seq and i.ver = c.ver";

const makeConversations = statement<never>(
  "import.make_conversations",
  `with made as (
     insert into conversations (lo, hi)
     select distinct least(p.sender, p.recipient), greatest(p.sender, p.recipient)
     from unnest($1::bigint[], $2::bigint[]) as p(sender, recipient)
     where p.recipient is not null and not exists (
       select from conversations c
       where c.lo = least(p.sender, p.recipient) and c.hi = greatest(p.sender, p.recipient))
     order by 1, 2
     returning id
   )
   insert into import_conversations (conversation_id, seq, ver) select id, 0, 0 from made`,
);

/** What became of a page: `new`, `here` (of an earlier run), or why a row cannot be added. */
export interface PageOutcome {
  outcome: "new" | "here" | "message_conversation_used" | "message_late" | "message_taken" | "message_not_placed";
  count: number;
  ids: number[];
}

// A page is in order of id, and so is its seq; a conversation's counters move in the same statement.
const addMessages = statement<PageOutcome>(
  "import.add_messages",
  `with input as materialized (
     select i.*, coalesce(d.id, g.id) as conversation_id, coalesce(d.seq, g.seq) as base, coalesce(d.ver, g.ver) as base_ver,
       coalesce(d.last_message_id, g.last_message_id) as last_id
     from unnest($1::bigint[], $2::timestamptz[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::text[])
         as i(id, created_at, sender, recipient, in_group, client_id, type, content)
       left join conversations d on d.lo = least(i.sender, i.recipient) and d.hi = greatest(i.sender, i.recipient)
         and i.recipient is not null
       left join conversations g on g.group_id = i.in_group and i.recipient is null
   ),
   judged as materialized (
     select n.*,
       case
         when m.id = n.id then 'here'
         when n.conversation_id is null then 'message_not_placed'
         when (i.seq, i.ver) is distinct from (n.base, n.base_ver) then 'message_conversation_used'
         when m.id is not null or x.id is not null then 'message_taken'
         when n.id <= n.last_id then 'message_late'
         else 'new'
       end as outcome
     from input n
       left join import_conversations i on i.conversation_id = n.conversation_id
       left join messages m on $9::boolean and m.sender_id = n.sender and m.client_id = n.client_id
       left join messages x on $9::boolean and x.id = n.id
   ),
   placed as materialized (
     select j.*, j.base + row_number() over w as seq, j.base_ver + row_number() over w as ver
     from judged j where j.outcome = 'new' window w as (partition by j.conversation_id order by j.id)
   ),
   written as (
     insert into messages (id, conversation_id, seq, first_ver, ver, sender_id, client_id, message_type, content, created_at)
     select id, conversation_id, seq, ver, ver, sender, client_id, type, content, created_at from placed order by id
   ),
   ends as materialized (
     select distinct on (conversation_id) conversation_id, seq, ver, id, created_at from placed order by conversation_id, seq desc
   ),
   heads as (
     update conversations c
     set seq = e.seq, ver = e.ver, last_message_id = e.id, last_message_at = e.created_at, changed_xid = pg_current_xact_id()
     from ends e where c.id = e.conversation_id
   ),
   kept as (
     update import_conversations i set seq = e.seq, ver = e.ver from ends e where i.conversation_id = e.conversation_id
   )
   select outcome, count(*) as count, (array_agg(id order by id))[1:10] as ids from judged group by outcome`,
);

const stageMembers = statement<never>(
  "import.stage_members",
  `insert into import_positions (conversation_id, user_id, role, joined_at, read_id)
   select c.id, s.user_id, s.role, s.joined_at, s.read_id
   from unnest($1::bigint[], $2::bigint[], $3::text[], $4::timestamptz[], $5::bigint[])
       as s(in_group, user_id, role, joined_at, read_id)
     join conversations c on c.group_id = s.in_group`,
);
const stagePositions = statement<never>(
  "import.stage_positions",
  `insert into import_positions as p (conversation_id, user_id, read_id, delivered_id, pending_id)
   select coalesce(d.id, g.id), s.user_id, s.read_id, s.delivered_id, s.pending_id
   from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
       as s(user_id, peer, in_group, read_id, delivered_id, pending_id)
     left join conversations d on d.lo = least(s.user_id, s.peer) and d.hi = greatest(s.user_id, s.peer) and s.in_group is null
     left join conversations g on g.group_id = s.in_group
   where coalesce(d.id, g.id) is not null
   on conflict (conversation_id, user_id) do update
   set read_id = greatest(p.read_id, excluded.read_id), delivered_id = greatest(p.delivered_id, excluded.delivered_id),
     pending_id = least(p.pending_id, excluded.pending_id)`,
);

const conversationCount = statement<{ n: number }>("import.conversations", "select count(*) as n from conversations");
export const conversationSpan = nextSpan("conversations");
const indexAnew = statement<never>("import.index_anew", "update search_position set last_id = 0, previous_id = 0");
const indexMessages = statement<{ count: number }>("import.index_messages", "select index_messages($1) as count");

/**
 * Positions of everybody in untouched conversations of a range. Read: up to the last message that was read. Delivered: up to the last
 * that was delivered, but below the first that still waits in the queue and was not read; own messages that follow need no delivery.
 * Every table is read by the range of the conversations, and the limits make look-ups of the last joins, whatever the planner guesses.
 */
const writePositions = statement<never>(
  "import.place",
  `with scope as materialized (
     select c.id, c.lo, c.hi, c.seq from conversations c join import_conversations i on i.conversation_id = c.id and ${untouched}
     where c.id > $1 and c.id <= $2 and i.conversation_id > $1 and i.conversation_id <= $2
   ),
   people as materialized (
     select id as conversation_id, lo as user_id, seq, lo = hi as to_self, false as in_group from scope where lo is not null
     union all
     select id, hi, seq, false, false from scope where lo < hi
     union all
     select s.id, p.user_id, s.seq, false, true
     from scope s join import_positions p on p.conversation_id = s.id and p.role is not null
     where s.lo is null and p.conversation_id > $1 and p.conversation_id <= $2
   ),
   reads as materialized (
     select w.*, coalesce(p.role, 'member') as role, coalesce(p.joined_at, now()) as joined_at, p.delivered_id, p.pending_id,
       coalesce(t.delivered_seq, 0) as old_delivered,
       greatest(t.read_seq, case
         when w.to_self then w.seq
         when p.read_id > 0 then seq_of_message(w.conversation_id, p.read_id)
         else 0 end) as read_seq
     from people w
       left join lateral (
         select * from import_positions p where p.conversation_id = w.conversation_id and p.user_id = w.user_id limit 1
       ) p on true
       left join lateral (
         select * from participants t where t.conversation_id = w.conversation_id and t.user_id = w.user_id limit 1
       ) t on true
   ),
   received as materialized (
     select r.*, greatest(r.read_seq, r.old_delivered, least(
       case when r.in_group then r.seq when r.delivered_id > 0 then seq_of_message(r.conversation_id, r.delivered_id) else 0 end,
       case when r.pending_id is not null then seq_of_message(r.conversation_id, r.pending_id) - 1 end)) as delivered_seq
     from reads r
   ),
   own as materialized (
     select r.conversation_id, r.user_id, count(*) as sent, count(*) filter (where m.seq <= r.read_seq) as sent_at_read
     from received r
       join messages m on m.conversation_id = r.conversation_id and m.sender_id = r.user_id
     where m.conversation_id > $1 and m.conversation_id <= $2
     group by 1, 2
   )
   insert into participants as t (user_id, conversation_id, role, joined_at, read_seq, delivered_seq, sent, sent_at_read)
   select r.user_id, r.conversation_id, r.role, r.joined_at, r.read_seq,
     coalesce((
       select m.seq - 1 from messages m
       where m.conversation_id = r.conversation_id and m.seq > r.delivered_seq and m.sender_id <> r.user_id
       order by m.seq limit 1), r.seq),
     coalesce(o.sent, 0), coalesce(o.sent_at_read, 0)
   from received r left join own o on o.conversation_id = r.conversation_id and o.user_id = r.user_id
   on conflict (user_id, conversation_id) do update
   set role = excluded.role, read_seq = excluded.read_seq, delivered_seq = excluded.delivered_seq, sent = excluded.sent,
     sent_at_read = excluded.sent_at_read, left_at = null, changed_xid = pg_current_xact_id()
   where (t.role, t.read_seq, t.delivered_seq, t.sent, t.sent_at_read, t.left_at is null)
     is distinct from (excluded.role, excluded.read_seq, excluded.delivered_seq, excluded.sent, excluded.sent_at_read, true)`,
);
/** A device that does not know a group has version 0 of it, so one without messages is at 1. */
const startEmpty = statement<never>(
  "import.start_empty",
  `with started as (
     update conversations c set ver = 1, changed_xid = pg_current_xact_id()
     where c.id > $1 and c.id <= $2 and c.group_id is not null and c.ver = 0 returning c.id
   )
   update import_conversations i set ver = 1 from started s where i.conversation_id = s.id`,
);
/** Who is no member on the first server any more has left here too. */
const leave = statement<never>(
  "import.leave",
  `update participants t
   set left_at = now(), changed_xid = pg_current_xact_id()
   from conversations c join import_conversations i on i.conversation_id = c.id and ${untouched}
   where c.id > $1 and c.id <= $2 and i.conversation_id > $1 and i.conversation_id <= $2
     and c.group_id is not null and t.conversation_id = c.id and t.left_at is null
     and t.conversation_id > $1 and t.conversation_id <= $2
     and not exists (
       select from import_positions p
       where p.conversation_id = t.conversation_id and p.user_id = t.user_id and p.role is not null
         and p.conversation_id > $1 and p.conversation_id <= $2)`,
);

export interface TargetSum extends ConversationSum {
  untouched: boolean;
}
/** Inside a transaction. */
export const targetSums = paged<TargetSum>(
  "target_sums",
  1_000,
  `select c.lo, c.hi, c.group_id, coalesce(${untouched}, false) as untouched,
     (select count(*) from participants t where t.conversation_id = c.id and t.left_at is null) as people,
     count(m.id) as messages, ${checksum("m.client_id")} as checksum
   from conversations c left join import_conversations i on i.conversation_id = c.id
     left join messages m on m.conversation_id = c.id and ${untouched}
   group by c.id, i.seq, i.ver
   order by c.group_id nulls first, c.lo, c.hi`,
);
/** Rows as one array per column, for `unnest`. */
const columns = <Row>(rows: readonly Row[], ...names: (keyof Row)[]): unknown[][] =>
  names.map((name) => rows.map((row) => row[name]));

/** Writes messages and positions. */
export function targetMessageStore(target: Queries) {
  return {
    /** @param mayBeHere false spares the look for messages of an earlier run */
    async add(page: readonly SourceMessage[], mayBeHere: boolean): Promise<PageOutcome[]> {
      await target.query(makeConversations, columns(page, "sender_id", "recipient_id"));
      const values = columns(
        page,
        "id",
        "created_at",
        "sender_id",
        "recipient_id",
        "group_id",
        "client_id",
        "message_type",
        "content",
      );
      return target.query(addMessages, [...values, mayBeHere]);
    },
    stageMembers: (members: readonly SourceMember[]) =>
      target.query(stageMembers, columns(members, "group_id", "user_id", "role", "joined_at", "read_id")),
    stagePositions: (positions: readonly SourcePosition[]) =>
      target.query(
        stagePositions,
        columns(positions, "user_id", "peer_id", "group_id", "read_id", "delivered_id", "pending_id"),
      ),
    conversationCount: async () => only(await target.query(conversationCount, [])).n,
    /** The search index looks at all messages again: a repeat adds some with earlier ids. */
    indexAnew: () => target.query(indexAnew, []),
    /** @returns how many were looked at; 0: that was all */
    indexMessages: async (limit: number) => only(await target.query(indexMessages, [limit])).count,
    async writePositions(after: number, last: number): Promise<void> {
      await target.query(startEmpty, [after, last]);
      await target.query(writePositions, [after, last]);
      await target.query(leave, [after, last]);
    },
  };
}
export type TargetMessageStore = ReturnType<typeof targetMessageStore>;
