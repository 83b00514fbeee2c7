import { limits, type RouteOutput, type RouteQuery } from "@om/protocol";
import { parseWireId } from "../conversations/conversation-ref.ts";
import { toMessages } from "../conversations/conversation-view.ts";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { pageLimit, wholeNumber } from "../platform/page-limit.ts";
import type { MessageDeps } from "./deps.ts";

/** Messages of one conversation that were sent or changed after a version; a message may come again, none is left out. */
export async function listMessageChanges(
  deps: Pick<MessageDeps, "store" | "views">,
  caller: Caller,
  query: RouteQuery<"messageChanges">,
): Promise<RouteOutput<"messageChanges">> {
  const name = query.conversation_id ?? "";
  const ref = parseWireId(name, caller.userId);
  if (ref === undefined) throw new OmError("invalid_conversation_id");
  const ver = wholeNumber(query.ver ?? "0");
  if (ver === undefined) throw new OmError("invalid_cursor");
  const limit = pageLimit(query.limit, limits.syncMessages, limits.syncMessages);
  const row = await deps.store.changedSince(ref, caller.userId, { ver, limit });
  if (row === undefined) return { conversation_id: name, messages: [], deleted: [] };
  return {
    conversation_id: name,
    messages: toMessages(row, caller.userId, deps.views, await deps.views.lookup(row.profiles)),
    deleted: row.deleted,
    ...(row.next_ver === null ? {} : { next_ver: row.next_ver }),
  };
}
