import { limits, type RouteOutput } from "@om/protocol";
import type { UserViews } from "../accounts/user-view.ts";
import { directPlace, type Place } from "../conversations/conversation-row.ts";
import { toMessages } from "../conversations/conversation-view.ts";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { pageLimit, wholeNumber } from "../platform/page-limit.ts";
import type { MessageStore } from "./message-store.ts";

/** Query of GET /api/messages and, but for the recipient, of GET /api/groups/:id/messages. */
interface HistoryQuery {
  recipient_id?: string | undefined;
  limit?: string | undefined;
  cursor?: string | undefined;
}

interface Deps {
  store: MessageStore;
  views: UserViews;
}

/** A page of the conversation with somebody, newest first, ids below the cursor (absent or 0: from the end). */
export async function readHistory(deps: Deps, caller: Caller, query: HistoryQuery): Promise<RouteOutput<"history">> {
  if ((query.recipient_id ?? "") === "") throw new OmError("missing_recipient");
  const peer = wholeNumber(query.recipient_id);
  if (peer === undefined) throw new OmError("invalid_recipient");
  return readPage(deps, caller, { place: directPlace(peer, caller.userId), query });
}

/** The same of a group, whose members see all of it, also what was written before they joined. */
export async function readGroupHistory(
  deps: Deps,
  caller: Caller,
  { groupId, query }: { groupId: number; query: HistoryQuery },
): Promise<RouteOutput<"groupHistory">> {
  return readPage(deps, caller, { place: { groupId }, query });
}

async function readPage(
  { store, views }: Deps,
  caller: Caller,
  { place, query }: { place: Place; query: HistoryQuery },
): Promise<RouteOutput<"history">> {
  const before = wholeNumber(query.cursor === undefined || query.cursor === "" ? "0" : query.cursor);
  if (before === undefined) throw new OmError("invalid_cursor");
  const limit = pageLimit(query.limit, limits.historyPage, 50);
  const row = await store.history(place, caller.userId, { before, limit });
  if (row === undefined && "groupId" in place) throw new OmError("not_group_member");
  const messages = row === undefined ? [] : toMessages(row, caller.userId, views);
  const last = messages.at(-1);
  return { count: messages.length, messages, ...(last === undefined ? {} : { next_cursor: last.id }) };
}
