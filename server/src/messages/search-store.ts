import { refValues, type ConversationRef } from "../conversations/conversation-ref.ts";
import {
  conversationTables,
  foundMessages,
  rowWithFound,
  visibleMessages,
  type ConversationRow,
} from "../conversations/conversation-row.ts";
import type { Database } from "../platform/postgres/database.ts";
import { only, statement } from "../platform/postgres/statement.ts";

/** How long a search may take, in ms. */
const timeoutMs = 2_000;

const setTimeout = statement<never>("search.timeout", "select set_config('statement_timeout', $1, true)");

const find = statement<{ ids: number[]; words: string[] }>(
  "search.find",
  "select to_json(f.ids) as ids, to_json(f.words) as words from search_messages($1, $2, $3, $4, $5, $6, $7) f",
);

const load = statement<ConversationRow>(
  "search.load",
  `select ${rowWithFound("$1")}
   from (select distinct m.conversation_id from messages m where m.id = any($2)) h
     join conversations c on c.id = h.conversation_id ${conversationTables("$1")},
     lateral (select ${foundMessages("$1", "m.id")} from messages m where m.id = any($2) and ${visibleMessages("$1")} having count(*) > 0) found`,
);

/** Searches in what the viewer may see. */
export function searchStore(db: Database) {
  return {
    /**
     * Ids of messages, newest first, below `before`; `words`: what was searched for, as it is compared. `ref`: in this conversation alone.
     * @throws DatabaseUnavailable when it takes too long
     */
    find: (
      viewerId: number,
      text: string,
      { ref, before, limit }: { ref: ConversationRef | undefined; before: number; limit: number },
    ) =>
      db.transaction(async (queries) => {
        await queries.query(setTimeout, [String(timeoutMs)]);
        const place = ref === undefined ? [null, null, null] : refValues(ref);
        return only(await queries.query(find, [viewerId, text, ...place, before, limit]));
      }),
    /** Of these messages those that the viewer still sees, by conversation. */
    load: (viewerId: number, ids: readonly number[]) => db.query(load, [viewerId, ids]),
  };
}
export type SearchStore = ReturnType<typeof searchStore>;
