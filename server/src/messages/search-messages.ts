import { limits, type RouteBody, type RouteOutput } from "@om/protocol";
import { parseWireId } from "../conversations/conversation-ref.ts";
import { toMessages } from "../conversations/conversation-view.ts";
import type { Caller } from "../platform/caller.ts";
import { cleanText, cutCharacters } from "../platform/cut-text.ts";
import { OmError } from "../platform/om-error.ts";
import type { MessageDeps } from "./deps.ts";
import { markWords } from "./mark-words.ts";
import type { SearchStore } from "./search-store.ts";

/**
 * The newest messages that the caller may see and that have all words of a text, everywhere or in one conversation; where the caller is not,
 * there are none.
 * @throws OmError `missing_query`, `invalid_conversation_id`
 */
export async function searchMessages(
  { search, views }: Pick<MessageDeps, "views"> & { search: SearchStore },
  caller: Caller,
  body: RouteBody<"searchMessages">,
): Promise<RouteOutput<"searchMessages">> {
  const text = cutCharacters(cleanText(body.q ?? "").trim(), limits.searchChars);
  if (text === "") throw new OmError("missing_query");
  const name = body.conversation_id ?? undefined;
  const ref = name === undefined ? undefined : parseWireId(name, caller.userId);
  if (name !== undefined && ref === undefined) throw new OmError("invalid_conversation_id");
  const asked = body.limit ?? 0;
  const limit = asked >= 1 && asked <= limits.searchResults ? asked : 20;
  const before = body.cursor || Number.MAX_SAFE_INTEGER;
  const { ids, words } = await search.find(caller.userId, text, { ref, before, limit });
  const rows = ids.length === 0 ? [] : await search.load(caller.userId, ids);
  const online = await views.lookup(rows.flatMap(({ profiles }) => profiles));
  const messages = rows.flatMap((row) => toMessages(row, caller.userId, views, online));
  const last = ids.at(-1);
  return {
    results: messages
      .toSorted((a, b) => b.id - a.id)
      .map((message) => ({ message, marks: markWords(message.content, words).map(([from, to]) => ({ from, to })) })),
    ...(last === undefined || ids.length < limit ? {} : { next_cursor: last }),
  };
}
