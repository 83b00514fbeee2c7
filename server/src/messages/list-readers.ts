import { limits, type RouteOutput, type RouteQuery } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { pageLimit, parseId, wholeNumber } from "../platform/page-limit.ts";
import type { ReadersCache } from "./readers-cache.ts";
import type { ReaderStore } from "./reader-store.ts";

/**
 * Who has read a message, of those with whom the caller has no block. Whoever sees the message may ask.
 * @throws OmError `message_not_found`, `invalid_cursor`
 */
export async function listReaders(
  { store, readers }: { store: Pick<ReaderStore, "access">; readers: ReadersCache },
  caller: Caller,
  { id, query }: { id: string; query: RouteQuery<"receipts"> },
): Promise<RouteOutput<"receipts">> {
  const messageId = parseId(id, "message_not_found");
  const after = wholeNumber(query.cursor || "0");
  if (after === undefined) throw new OmError("invalid_cursor");
  const found = await store.access(messageId, caller.userId);
  if (found === undefined) throw new OmError("message_not_found");
  const { stamp, apart } = found;
  const all = (await readers.of(messageId, stamp)).filter((userId) => !apart.includes(userId));
  const rest = all.filter((userId) => userId > after);
  const page = rest.slice(0, pageLimit(query.limit, limits.readersPage, 100));
  const last = page.at(-1);
  return {
    message_id: messageId,
    read_count: all.length,
    readers: page,
    ...(last === undefined || rest.length === page.length ? {} : { next_cursor: last }),
  };
}
