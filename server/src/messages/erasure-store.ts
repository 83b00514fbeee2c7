import type { RefColumns } from "../conversations/conversation-ref.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { only, statement } from "../platform/postgres/statement.ts";

/** A conversation or a user. */
export type Erased = { conversationId: number } | { userId: number };

/** What is left of an erasure: messages of a conversation, or all of a user. */
interface Erasure {
  id: number;
  conversation_id: number | null;
  from_seq: number;
  to_seq: number;
  user_id: number;
  after_client_id: string;
}

interface WrittenRow extends RefColumns {
  id: number;
  conversation_id: number;
  client_id: string;
  is_deleted: boolean;
}

const lock = statement<never>("erasures.lock", "select pg_advisory_xact_lock(lock_number('erasures'))");
const next = statement<Erasure>(
  "erasures.next",
  `select e.* from erasures e
   where (e.at_once or e.deleted_at <= now() - make_interval(days => $1))
     and ($2::bigint is null or e.conversation_id = $2) and ($3::bigint is null or e.user_id = $3)
   order by e.id limit 1`,
);
const hasten = statement<never>(
  "erasures.hasten",
  "update erasures set at_once = true where conversation_id = $1 or user_id = $2",
);
const eraseRange = statement<{ upto: number }>("erasures.erase_range", "select erase_range($1, $2, $3, $4) as upto");
const keepRest = statement<never>(
  "erasures.keep_rest",
  "update erasures set from_seq = $2, after_client_id = $3 where id = $1",
);
const written = statement<WrittenRow>(
  "erasures.written",
  `select m.id, m.client_id, m.deleted_at is not null as is_deleted, c.id as conversation_id, c.lo, c.hi, c.group_id
   from messages m join conversations c on c.id = m.conversation_id
   where m.sender_id = $1 and m.client_id > $2 order by m.client_id limit $3`,
);
const deleteMessages = statement<{ ver: number }>(
  "erasures.delete_messages",
  `with lists as (
     update user_state u set list_ver = u.list_ver + 1 from conversations c where c.id = $1 and u.user_id in (c.lo, c.hi)
   )
   select delete_messages(c, $2) as ver from conversations c where c.id = $1`,
);
const finish = statement<never>("erasures.finish", "delete from erasures where id = $1");
const forgetUser = statement<never>(
  "erasures.forget_user",
  `with files as (update attachments set check_at = '-infinity' where owner_id = $1)
   select forget_conversation(p.conversation_id)
   from participants p join conversations c on c.id = p.conversation_id where p.user_id = $1 and c.lo is not null`,
);

/** Of one transaction. */
export function erasureStore(db: Queries) {
  return {
    /** Until the transaction ends nobody else erases. */
    lock: () => db.query(lock, []),
    /** The oldest that is due. @param days for which it is kept */
    next: async (days: number, of: Erased | undefined) => (await db.query(next, [days, ...columnsOf(of)]))[0],
    /** It is due at once. */
    hasten: (of: Erased) => db.query(hasten, columnsOf(of)),
    /** @returns up to where it is erased */
    eraseRange: async ({ conversation_id: id, from_seq: from, to_seq: to }: Erasure, limit: number) =>
      only(await db.query(eraseRange, [id, from, to, limit])).upto,
    /** The next messages that a user has written, deleted ones as well. */
    written: ({ user_id: userId, after_client_id: after }: Erasure, limit: number) =>
      db.query(written, [userId, after, limit]),
    /** Of a conversation whose locks are held; the version that it has by now. */
    deleteMessages: async (conversationId: number, ids: readonly number[]) =>
      only(await db.query(deleteMessages, [conversationId, ids])).ver,
    keepRest: ({ id, from_seq: from, after_client_id: after }: Erasure) => db.query(keepRest, [id, from, after]),
    finish: (id: number) => db.query(finish, [id]),
    /** The user's files are looked at by the next sweep, and what nobody sees of direct conversations any more is queued. */
    forgetUser: (userId: number) => db.query(forgetUser, [userId]),
  };
}

function columnsOf(of: Erased | undefined): [conversationId: number | null, userId: number | null] {
  if (of === undefined) return [null, null];
  return "userId" in of ? [null, of.userId] : [of.conversationId, null];
}
