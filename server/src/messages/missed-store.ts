import type { Queries } from "../platform/postgres/database.ts";
import { only, statement } from "../platform/postgres/statement.ts";

/** A message, and who is in its conversation by now. */
export interface PlacedMessage {
  id: number;
  seq: number;
  conversation_id: number;
  sender_id: number;
  /** When it was sent, in ms since 1970. */
  sent_at: number;
  /** Whom it concerns; of a hidden message its sender alone. */
  user_ids: number[];
  /** To oneself. */
  is_note: boolean;
}

const between = statement<{ newest: number; ids: number[] }>(
  "missed.between",
  `select coalesce((select max(id) from messages), 0) as newest,
     (select coalesce(json_agg(m.id order by m.id), '[]') from messages m where m.id > $1 and m.id <= $2) as ids`,
);
const placed = statement<PlacedMessage>(
  "missed.placed",
  `select m.id, m.seq, m.conversation_id, m.sender_id, (extract(epoch from m.created_at) * 1000)::float8 as sent_at,
     case when m.hidden or c.lo = c.hi then json_build_array(m.sender_id) when c.group_id is null then json_build_array(c.lo, c.hi)
       else member_ids(c.id) end as user_ids, coalesce(c.lo = c.hi, false) as is_note
   from messages m join conversations c on c.id = m.conversation_id
   where m.id = any($1::bigint[]) and m.deleted_at is null order by m.id`,
);

/** What was stored lately, whoever was told of it. */
export function missedStore(db: Queries) {
  return {
    /** Ids above `low`, up to `high`; and the newest of all. */
    between: async (low: number, high: number) => only(await db.query(between, [low, high])),
    placed: (ids: readonly number[]) => db.query(placed, [ids]),
  };
}
export type MissedStore = ReturnType<typeof missedStore>;
