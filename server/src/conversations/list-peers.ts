import { limits, type RouteOutput, type RouteQuery } from "@om/protocol";
import type { UserViews } from "../accounts/user-view.ts";
import type { Caller } from "../platform/caller.ts";
import { pageLimit } from "../platform/page-limit.ts";
import type { ConversationStore } from "./conversation-store.ts";
import { withWireTimes } from "./conversation-view.ts";

/** The people the caller wrote with, newest first. */
export async function listPeers(
  deps: { store: ConversationStore; views: UserViews },
  caller: Caller,
  query: RouteQuery<"peers">,
): Promise<RouteOutput<"peers">> {
  const rows = await deps.store.peers(caller.userId, pageLimit(query.limit, limits.conversationsPage, 50));
  const online = await deps.views.lookup(rows.map(({ peer }) => peer));
  const peers = rows.map(({ peer, last_message_at, last_message_id }) => ({
    last_activity: last_message_at,
    last_message_id,
    peer: deps.views.peer(withWireTimes(peer), caller.userId, online),
  }));
  return { count: peers.length, peers };
}
