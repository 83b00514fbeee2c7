import type { Queries } from "../platform/postgres/database.ts";
import { only, statement } from "../platform/postgres/statement.ts";

/** Messages whose checksums one row holds. */
export const sheetSize = 512;

/** A message, and the text that its checksum is of. */
export interface SummedMessage {
  id: number;
  conversation_id: number;
  seq: number;
  ver: number;
  text: string;
  /** Its text is gone, because nobody could see it any more. */
  erased: boolean;
  /** Of its conversation by now: no message has a later one. */
  newest_ver: number;
}

/** Checksums of messages whose ids follow each other. */
export interface Sheet {
  ids: number[];
  vers: number[];
  sums: string;
  signature: string;
}

// Not a function of the database's own, which whoever changes messages could change too.
const columns = `m.id, m.conversation_id, m.seq, m.ver, json_build_array(m.id, m.conversation_id, m.seq, m.first_ver, m.ver, m.sender_id,
    m.client_id, m.message_type, m.content, m.reply_to_id, m.hidden, m.version, extract(epoch from m.created_at), extract(epoch from m.edited_at),
    extract(epoch from m.deleted_at), m.extras)::text as text`;
const alone = statement<{ alone: boolean }>(
  "sums.alone",
  "select pg_try_advisory_xact_lock(lock_number('message_sums')) as alone",
);
const lastId = statement<{ id: number }>("sums.last_id", "select coalesce(max(last_id), 0) as id from message_sums");
const following = statement<SummedMessage & { settled: boolean; due: boolean }>(
  "sums.following",
  `select ${columns}, false as erased, m.ver as newest_ver, m.created_at < now() - interval '1 minute' as settled, m.created_at < now() - interval '1 hour' as due
   from messages m where m.id > $1 order by m.id limit ${sheetSize}`,
);
const range = statement<SummedMessage>(
  "sums.range",
  `select ${columns}, m.content = '' and m.seq <= c.forgotten_seq as erased, c.ver as newest_ver
   from messages m join conversations c on c.id = m.conversation_id where m.id > $1 and m.id <= $2 order by m.id`,
);
const sheets = statement<Sheet & { last_id: number }>(
  "sums.sheets",
  "select last_id, to_json(ids) as ids, to_json(vers) as vers, sums, signature from message_sums where last_id > $1 order by last_id limit $2",
);
const write = statement<never>(
  "sums.write",
  `insert into message_sums (last_id, ids, vers, sums, signature) values ($1, $2, $3, $4, $5)
   on conflict (last_id) do update
   set ids = excluded.ids, vers = excluded.vers, sums = excluded.sums, signature = excluded.signature`,
);
const remove = statement<never>("sums.remove", "delete from message_sums where last_id = $1");
const after = statement<{ messages: number }>("sums.after", "select count(*) as messages from messages where id > $1");

export function sumStore(db: Queries) {
  return {
    /** Until the transaction ends nobody else writes sheets; false: somebody does. */
    isAlone: async () => only(await db.query(alone, [])).alone,
    /** Id of the last message that has a checksum. */
    lastId: async () => only(await db.query(lastId, [])).id,
    /** Messages after an id, by id; `settled`: none can appear before it any more; `due`: it waits for no full sheet. */
    following: (id: number) => db.query(following, [id]),
    /** Messages above one id up to another, by id. */
    range: (from: number, to: number) => db.query(range, [from, to]),
    sheets: (from: number, limit: number) => db.query(sheets, [from, limit]),
    write: ({ ids, vers, sums, signature }: Sheet) => db.query(write, [ids.at(-1), ids, vers, sums, signature]),
    remove: (lastId: number) => db.query(remove, [lastId]),
    /** How many messages there are above an id. */
    countAfter: async (id: number) => only(await db.query(after, [id])).messages,
  };
}
