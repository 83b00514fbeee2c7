import type { RouteOutput } from "@om/protocol";
import type { Cache } from "../cache/cache.ts";
import type { Source } from "../cache/source.ts";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { peerOf, placeNamed } from "./conversation-row.ts";
import type { ConversationStore } from "./conversation-store.ts";
import type { UnreadId } from "./unread-cache.ts";

/**
 * How many messages the caller has not read in a conversation; of somebody with whom there is none, 0.
 * @throws OmError `invalid_conversation_id`, `conversation_not_found` for a group that the caller is not in
 */
export async function countUnread(
  deps: { cache: Pick<Cache, "read">; unread: Source<UnreadId, number>; store: ConversationStore },
  caller: Caller,
  name: string | undefined,
): Promise<RouteOutput<"unread">> {
  const place = placeNamed(name ?? "", caller.userId);
  if (place === undefined || name === undefined) throw new OmError("invalid_conversation_id");
  if ("groupId" in place) {
    const row = await deps.store.unread(place, caller.userId);
    if (row === undefined) throw new OmError("conversation_not_found");
    return { conversation_id: name, ...row };
  }
  const otherId = peerOf(place, caller.userId) ?? 0;
  const [found] = await deps.cache.read(deps.unread, [{ userId: caller.userId, otherId }]);
  return { conversation_id: name, unread_count: found?.value ?? 0, ver: found?.ver ?? 0 };
}
