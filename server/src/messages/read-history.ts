import { limits, type RouteOutput } from "@om/protocol";
import type { UserViews } from "../accounts/user-view.ts";
import { toMessages } from "../conversations/conversation-view.ts";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { pageLimit, wholeNumber } from "../platform/page-limit.ts";
import type { MessageStore } from "./message-store.ts";

/** Query of GET /api/messages. */
interface HistoryQuery {
  recipient_id?: string | undefined;
  limit?: string | undefined;
  cursor?: string | undefined;
}

/** A page of the conversation with somebody, newest first, ids below the cursor (absent or 0: from the end). */
export async function readHistory(
  deps: { store: MessageStore; views: UserViews },
  caller: Caller,
  query: HistoryQuery,
): Promise<RouteOutput<"history">> {
  if ((query.recipient_id ?? "") === "") throw new OmError("missing_recipient");
  const peer = wholeNumber(query.recipient_id);
  if (peer === undefined) throw new OmError("invalid_recipient");
  const before = wholeNumber(query.cursor === undefined || query.cursor === "" ? "0" : query.cursor);
  if (before === undefined) throw new OmError("invalid_cursor");
  const limit = pageLimit(query.limit, limits.historyPage, 50);
  const pair = { lo: Math.min(peer, caller.userId), hi: Math.max(peer, caller.userId) };
  const row = await deps.store.history(pair, caller.userId, { before, limit });
  const messages = row === undefined ? [] : toMessages(row, caller.userId, deps.views);
  const last = messages.at(-1);
  return { count: messages.length, messages, ...(last === undefined ? {} : { next_cursor: last.id }) };
}
