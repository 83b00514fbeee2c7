import type { RouteOutput } from "@om/protocol";
import { limits } from "@om/protocol";
import type { UserViews } from "../accounts/user-view.ts";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { pageLimit } from "../platform/page-limit.ts";
import type { ConversationStore } from "./conversation-store.ts";
import { toConversation } from "./conversation-view.ts";

/** Query of GET /api/conversations. */
interface ListQuery {
  limit?: string | undefined;
  cursor_created_at?: string | undefined;
  cursor_message_id?: string | undefined;
}

/** The caller's conversations, newest activity first; the cursor pair names the last entry of the page before. */
export async function listConversations(
  deps: { store: ConversationStore; views: UserViews },
  caller: Caller,
  query: ListQuery,
): Promise<RouteOutput<"conversations">> {
  const limit = pageLimit(query.limit, limits.conversationsPage, 50);
  const rows = await deps.store.list(caller.userId, readCursor(query), limit + 1);
  const conversations = rows.slice(0, limit).map((row) => toConversation(row, caller.userId, deps.views));
  const last = conversations.at(-1);
  const more = rows.length > limit && last !== undefined;
  return {
    conversations,
    count: conversations.length,
    ...(more ? { next_cursor_created_at: last.last_activity, next_cursor_message_id: last.last_message?.id ?? 0 } : {}),
  };
}

function readCursor(query: ListQuery): { at: string; messageId: number } | undefined {
  const at = query.cursor_created_at;
  if (at === undefined || at === "") return undefined;
  const rfc3339 =
    /^(?!0000)\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/i;
  // Date.parse refuses days that a month does not have only if it rolls over; compare the day to be sure.
  const day = new Date(`${at.slice(0, 10)}T00:00:00Z`);
  if (!rfc3339.test(at) || Number.isNaN(day.getTime()) || day.toISOString().slice(0, 10) !== at.slice(0, 10)) {
    throw new OmError("invalid_cursor_created_at");
  }
  const id = query.cursor_message_id ?? "";
  if (!/^\d{1,15}$/.test(id)) throw new OmError("invalid_cursor_message_id");
  return { at, messageId: Number(id) };
}
