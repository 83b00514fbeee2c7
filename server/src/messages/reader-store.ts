import { conversationTables, visibleMessages } from "../conversations/conversation-row.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { only, statement } from "../platform/postgres/statement.ts";

/** Users who have read a message, ascending, without its author. */
export type Readers = readonly number[];

/**
 * Names what the positions in `conversations c` are: while it is the same, so is everything that follows from them. Null: PostgreSQL was restarted or
 * replaced, so versions may be given out again, until the cache has a new epoch.
 */
const stamp = `(select k.epoch || '.' || c.ver || '.' || c.read_ver from cache_control k where k.id = 1 and k.pg_run = postgres_run()) as stamp`;

const access = statement<{ stamp: string | null; apart: number[] }>(
  "readers.access",
  `select ${stamp}, to_json(blocked_with($1)) as apart
   from messages m join conversations c on c.id = m.conversation_id ${conversationTables("$1")}
   where m.id = $2 and ${visibleMessages("$1")}`,
);

// Whoever joined after it begins with a position beyond it, and has not read it.
const load = statement<{ stamp: string | null; readers: number[] }>(
  "readers.load",
  `select ${stamp}, (
     select coalesce(json_agg(p.user_id order by p.user_id), '[]') from participants p
     where p.conversation_id = c.id and p.left_at is null and p.read_seq >= m.seq and p.joined_seq < m.seq and p.user_id <> m.sender_id and not m.hidden
   ) as readers
   from messages m join conversations c on c.id = m.conversation_id where m.id = $1`,
);

/** Who has read messages, as the positions of the participants tell. */
export function readerStore(db: Queries) {
  return {
    /** Undefined: the viewer does not see such a message. `apart`: with whom the viewer has a block. */
    access: async (messageId: number, viewerId: number) => (await db.query(access, [viewerId, messageId]))[0],
    /** Of a message that is there. */
    load: async (messageId: number) => only(await db.query(load, [messageId])),
  };
}
export type ReaderStore = ReturnType<typeof readerStore>;
