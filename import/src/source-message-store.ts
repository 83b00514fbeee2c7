import type { Queries } from "@om/server/platform/postgres/database";
import { only, statement } from "@om/server/platform/postgres/statement";
import { nextSpan, paged } from "./import-connection.ts";

/** Messages of one page are bounded by number and by the bytes of their content. */
const pageBytes = 16 * 1024 * 1024;

/** A group that is not imported: its creator is gone and nobody is left to take its place. */
export const groupIsOrphan = `not exists (select from users u where u.id = g.creator_id)
   and not exists (
     select from group_members gm join users u on u.id = gm.user_id where gm.group_id = g.id and u.deleted_at is null)`;

/**
 * Why a message is not imported, null when it is. A row with both targets came in through the route for direct messages, which
 * stored any group it was given without asking for membership: it is the direct message that its sender could send.
 */
const judged = `select m.*, nullif(m.recipient_id, 0) as to_user, nullif(m.group_id, 0) as to_group,
     case
       when m.deleted_at is not null then 'message_deleted'
       when s.id is null then 'message_no_sender'
       when nullif(m.recipient_id, 0) is not null then case when r.id is null then 'message_no_recipient' end
       when nullif(m.group_id, 0) is null then 'message_no_target'
       when g.id is null then 'message_no_group'
       when g.deleted_at is not null then 'message_group_deleted'
       when ${groupIsOrphan} then 'message_group_orphan'
     end as issue
   from messages m
     left join users s on s.id = m.sender_id
     left join users r on r.id = m.recipient_id
     left join groups g on g.id = m.group_id`;

/** Messages of the first REST route have no client_id; a name is made for them that their sender has not used. */
const clientId = `case when m.client_id <> '' then m.client_id
     when exists (select from messages x where x.client_id = 'import-' || m.id and x.sender_id = m.sender_id)
       then 'import-' || m.id || '-' || m.sender_id
     else 'import-' || m.id end`;

const isRead = "(coalesce(m.is_read, false) or m.status = 'read')";
const isDelivered = `(coalesce(m.is_delivered, false) or m.status = 'delivered' or ${isRead})`;

const size = statement<{ rows: number; last: number }>(
  "import.source_size",
  "select count(*) as rows, coalesce(max(id), 0) as last from messages",
);
/** Rows of one span of messages, or of those that wait in a queue. */
export const spanRows = 50_000;
export const messageSpan = nextSpan("messages");
export const queueSpan = nextSpan("pending_messages");

/** Of a span: counts by reason, `importable` for what is imported. */
export const survey = statement<{ label: string; count: number; ids: number[] }>(
  "import.source_survey",
  `select l.label, count(*) as count, (array_agg(j.id order by j.id))[1:10] as ids
   from (${judged} where m.id > $1 and m.id <= $2) j,
     lateral (values
       (coalesce(j.issue, 'importable')),
       (case when j.issue is null and j.to_user is not null and j.to_group is not null then 'message_both_targets' end),
       (case when j.issue is null and j.client_id = '' then 'message_no_client_id' end),
       (case when j.issue is null and coalesce(j.message_type, '') <> 'text' then 'message_type_text' end)
     ) l(label)
   where l.label is not null group by l.label`,
);

/** A message as it is stored here; exactly one of `recipient_id` and `group_id` is set. */
export interface SourceMessage {
  id: number;
  created_at: string;
  sender_id: number;
  recipient_id: number | null;
  group_id: number | null;
  client_id: string;
  message_type: string;
  content: string;
}

const nextPage = statement<{ last: number | null }>(
  "import.source_next_page",
  `select max(p.id) as last
   from (
     select m.id, sum(octet_length(m.content)) over (order by m.id) - octet_length(m.content) as bytes_before
     from (select id, content from messages where id > $1 order by id limit $2) m
   ) p where p.bytes_before < ${pageBytes}`,
);
const page = statement<SourceMessage>(
  "import.source_messages",
  `select m.id, coalesce(m.created_at, 'epoch')::timestamptz as created_at, m.sender_id, m.to_user as recipient_id,
     case when m.to_user is null then m.to_group end as group_id, ${clientId} as client_id,
     -- The first server kept no files: such a message names an address elsewhere, to which apps would send their token (D-1).
     'text' as message_type, m.content
   from (${judged} where m.id > $1 and m.id <= $2) m
   where m.issue is null order by m.id`,
);

/** How far a user has got in one direct conversation or group, as message ids; 0: nothing. */
export interface SourcePosition {
  user_id: number;
  peer_id: number | null;
  group_id: number | null;
  read_id: number;
  delivered_id: number;
  /** Lowest message that still waits in the user's queue. */
  pending_id: number | null;
}

/** Of a span of messages. */
export const directPositions = statement<SourcePosition>(
  "import.source_direct_positions",
  `select m.to_user as user_id, m.sender_id as peer_id, null::bigint as group_id,
     coalesce(max(m.id) filter (where ${isRead}), 0) as read_id,
     coalesce(max(m.id) filter (where ${isDelivered}), 0) as delivered_id, null::bigint as pending_id
   from (${judged} where m.id > $1 and m.id <= $2) m
   where m.issue is null and m.to_user is not null
   group by 1, 2 having bool_or(${isDelivered})`,
);

export const queued = statement<SourcePosition>(
  "import.source_queue",
  `select p.user_id, case when m.to_user is not null then m.sender_id end as peer_id,
     case when m.to_user is null then m.to_group end as group_id, 0::bigint as read_id, 0::bigint as delivered_id,
     min(m.id) as pending_id
   from (select * from pending_messages where id > $1 and id <= $2 and deleted_at is null) p
     join (${judged}) m on m.id = p.message_id
   where m.issue is null and m.sender_id <> p.user_id and (m.to_user is null or m.to_user = p.user_id)
   group by 1, 2, 3`,
);

/** What both sides must agree on, one row per conversation: direct ones by `lo` and `hi`, then groups by id. */
export interface ConversationSum {
  lo: number | null;
  hi: number | null;
  group_id: number | null;
  /** Its two people, one for notes to oneself, or the members of the group. */
  people: number;
  messages: number;
  checksum: string;
}

/** Checksum of messages `m`; its rows are hashed one by one, so that a long conversation fits. */
export const checksum = (id: string): string =>
  `coalesce(md5(string_agg(md5(m.id || '|' || m.sender_id || '|' || ${id} || '|' || m.content), '' order by m.id)), '')`;

/** Every conversation that is imported. */
export const sourceSums = paged<ConversationSum>(
  "source_sums",
  1_000,
  `select least(m.sender_id, m.to_user) as lo, greatest(m.sender_id, m.to_user) as hi, null::bigint as group_id,
     case when least(m.sender_id, m.to_user) = greatest(m.sender_id, m.to_user) then 1 else 2 end as people,
     count(*) as messages, ${checksum(clientId)} as checksum
   from (${judged}) m where m.issue is null and m.to_user is not null group by 1, 2
   union all
   select null, null, g.id,
     (select count(*) from group_members gm join users u on u.id = gm.user_id where gm.group_id = g.id and u.deleted_at is null),
     count(m.id), ${checksum(clientId)}
   from groups g left join (${judged}) m on m.to_group = g.id and m.to_user is null and m.issue is null
   where g.deleted_at is null and not (${groupIsOrphan}) group by g.id
   order by group_id nulls first, lo, hi`,
);
export const messageSize = async (source: Queries) => only(await source.query(size, []));

/** The importable ones of the next `rows` messages in order of id, and the last id that was looked at; null at the end. */
export async function messagePage(
  source: Queries,
  after: number,
  rows: number,
): Promise<{ last: number; messages: SourceMessage[] } | null> {
  const { last } = only(await source.query(nextPage, [after, rows]));
  return last === null ? null : { last, messages: await source.query(page, [after, last]) };
}
