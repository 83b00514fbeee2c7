import type { Queries } from "../platform/postgres/database.ts";
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
const clearConversation = statement<({ outcome: "done" } & Changed) | Refusal>(
  "life.clear_conversation",
  "select * from clear_conversation($1, $2, $3)",
);

/** What becomes of messages after they were sent; see the functions in the migrations, which also decide who may. */
export function lifeStore(db: Queries) {
  return {
    edit: async (userId: number, messageId: number, content: string) =>
      (await db.query(changeMessage, [userId, messageId, content]))[0] ?? ({ outcome: "unknown" } as const),
    remove: async (userId: number, messageId: number) =>
      (await db.query(changeMessage, [userId, messageId, null]))[0] ?? ({ outcome: "unknown" } as const),
    clear: async (userId: number, conversationId: number, everyone: boolean) =>
      (await db.query(clearConversation, [userId, conversationId, everyone]))[0] ?? ({ outcome: "unknown" } as const),
  };
}
export type LifeStore = ReturnType<typeof lifeStore>;
