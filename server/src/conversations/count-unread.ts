import type { RouteOutput } from "@om/protocol";
import type { Reads } from "../cache/recorder.ts";
import type { Source } from "../cache/source.ts";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { peerOf, parseWireId } from "./conversation-ref.ts";
import type { ConversationStore } from "./conversation-store.ts";
import type { UnreadId } from "./unread-cache.ts";

/**
 * How many messages the caller has not read in a conversation; of somebody with whom there is none, 0.
 * @throws OmError `invalid_conversation_id`, `conversation_not_found` for a group that the caller is not in
 */
export async function countUnread(
  deps: { unread: Source<UnreadId, number>; store: ConversationStore },
  caller: Caller,
  name: string | undefined,
  reads: Reads,
): Promise<RouteOutput<"unread">> {
  const ref = parseWireId(name ?? "", caller.userId);
  if (ref === undefined || name === undefined) throw new OmError("invalid_conversation_id");
  if ("groupId" in ref) {
    reads.bypass();
    const row = await deps.store.unread(ref, caller.userId);
    if (row === undefined) throw new OmError("conversation_not_found");
    return { conversation_id: name, ...row };
  }
  const peerId = peerOf(ref, caller.userId) ?? 0;
  const [found] = await reads.read(deps.unread, [{ userId: caller.userId, peerId }]);
  return { conversation_id: name, unread_count: found?.value ?? 0, ver: found?.ver ?? 0 };
}
