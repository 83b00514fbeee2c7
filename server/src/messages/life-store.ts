import type { Database, Queries } from "../platform/postgres/database.ts";
import { statement } from "../platform/postgres/statement.ts";

/** Where a change happened, and what the conversation's versions are by now. */
export interface Changed {
  lo: number | null;
  hi: number | null;
  group_id: number | null;
  ver: number;
  seq: number;
  /** Of a group. */
  members: number[] | null;
}

export interface ChangedMessage extends Changed {
  conversation_id: number;
  sender_id: number;
  /** Only its author sees it. */
  hidden: boolean;
}

/** Why nothing was changed; unknown: there is no such thing, or the user does not see it. */
export type Refusal = { outcome: "unknown" | "forbidden" };

const changeMessage = statement<({ outcome: "done" } & ChangedMessage) | Refusal>(
  "life.change_message",
  "select * from change_message($1, $2, $3)",
);
const becomeText = statement<never>(
  "life.become_text",
  "update messages set message_type = 'text' where id = $1 and message_type <> 'text'",
);
const clearConversation = statement<({ outcome: "done" } & Changed) | Refusal>(
  "life.clear_conversation",
  "select * from clear_conversation($1, $2, $3)",
);

/** What becomes of messages after they were sent; see the functions in the migrations, which also decide who may. */
export function lifeStore(db: Database) {
  const change = async (queries: Queries, userId: number, messageId: number, content: string | null) =>
    (await queries.query(changeMessage, [userId, messageId, content]))[0] ?? ({ outcome: "unknown" } as const);
  return {
    /** @param text.isMedia an image or file stays one; without it the message is a text from now on */
    async edit(userId: number, messageId: number, text: { content: string; isMedia: boolean }) {
      if (text.isMedia) return change(db, userId, messageId, text.content);
      return db.transaction(async (queries) => {
        const changed = await change(queries, userId, messageId, text.content);
        if (changed.outcome === "done") await queries.query(becomeText, [messageId]);
        return changed;
      });
    },
    remove: (userId: number, messageId: number) => change(db, userId, messageId, null),
    clear: async (userId: number, conversationId: number, everyone: boolean) =>
      (await db.query(clearConversation, [userId, conversationId, everyone]))[0] ?? ({ outcome: "unknown" } as const),
  };
}
export type LifeStore = ReturnType<typeof lifeStore>;
