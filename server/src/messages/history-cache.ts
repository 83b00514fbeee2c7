import type { Source } from "../cache/source.ts";
import { conversationKey } from "../conversations/cache-keys.ts";
import { refColumns, conversationByRef, type ConversationRef } from "../conversations/conversation-ref.ts";
import { messageColumns } from "../conversations/conversation-row.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { statement } from "../platform/postgres/statement.ts";
import { foldHistory, headRecord, messageRecord, type History } from "./history.ts";

/** Messages that a fresh entry holds at most, deleted ones included. */
const window = 80;
/** Bytes of text that a fresh entry holds at most. */
const windowBytes = 96 * 1024;

// RaiseFloor by nobody in particular: who may see what is decided by whoever reads the entry.
const load = statement<History>(
  "history.load",
  `select coalesce(c.id, 0) as conversation_id, c.lo, c.hi, c.group_id, coalesce(c.ver, 0) as ver, coalesce(c.seq, 0) as seq,
     coalesce(c.cleared_seq, 0) as cleared_seq, greatest(1, c.seq - ${window} + 1) as "from",
     (select coalesce(json_agg(json_build_array(p.user_id, p.read_seq, p.delivered_seq, p.cleared_seq) order by p.user_id), '[]')
      from participants p where p.conversation_id = c.id and p.user_id in (c.lo, c.hi)) as positions,
     (select coalesce(json_agg(json_build_array(${messageColumns("m")}, m.reply_to_id, (
          select json_build_array(${messageColumns("r")}, null, null, null) from messages r where r.id = m.reply_to_id and r.deleted_at is null
        ), m.extras) order by m.seq), '[]')
      from messages m where m.conversation_id = c.id and m.seq > greatest(c.seq - ${window}, c.cleared_seq) and m.deleted_at is null) as messages
   from unnest($1::bigint[], $2::bigint[], $3::bigint[]) with ordinality as i(lo, hi, group_id, ord)
     left join lateral (select c.* from ${conversationByRef("i.lo", "i.hi", "i.group_id")}) c on true
   order by i.ord`,
);

/** Not for an entry. */
const loadAnywhere: typeof load = { ...load, onReplica: true };

/** `conv:{lo}:{hi}` and `group:{id}`, 5 min, lock of the same name, version conversations.ver; records in history.ts. */
export function historySource(db: Queries, name: "conv" | "group"): Source<ConversationRef, History> {
  return {
    name,
    ttlMs: 300_000,
    maxBytes: 256 * 1024,
    maxRecords: 2 * window,
    key: conversationKey,
    lock: conversationKey,
    async load(refs, fromPrimary) {
      const rows = await db.query(fromPrimary ? load : loadAnywhere, refColumns(refs));
      return rows.map((row) => ({ ver: row.ver, value: newest(row) }));
    },
    records(history) {
      if (history.conversation_id === 0) return [];
      const kept = newest(history);
      return [headRecord(kept), ...kept.messages.map(messageRecord)];
    },
    fold: foldHistory,
  };
}

/** The newest messages within both bounds. */
function newest(history: History): History {
  let from = Math.max(history.from, history.seq - window + 1);
  let bytes = 0;
  for (const tuple of history.messages.toReversed()) {
    if (tuple[1] < from) break;
    bytes += Buffer.byteLength(tuple[6]) + Buffer.byteLength(tuple[11]?.[6] ?? "");
    if (bytes > windowBytes) from = tuple[1] + 1;
  }
  return { ...history, from, messages: history.messages.filter((tuple) => tuple[1] >= from) };
}
