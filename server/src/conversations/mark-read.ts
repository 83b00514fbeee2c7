import type { RouteOutput } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import { parseId } from "../platform/page-limit.ts";
import type { PositionUpdate, AdvancedPosition } from "./position-store.ts";

/** Moves a position through the write lanes; undefined when nothing moved. */
export type AdvancePosition = (update: PositionUpdate) => Promise<AdvancedPosition | undefined>;

/** The caller has read everything that `peerId` wrote. `cleared`: how many messages that were unread. */
export async function markRead(
  advance: AdvancePosition,
  caller: Caller,
  peerId: string | undefined,
): Promise<RouteOutput<"markRead">> {
  const peer = parseId(peerId, "invalid_peer_id");
  const advanced = await advance({ userId: caller.userId, to: { latestOfPeer: peer }, read: true });
  return { cleared: advanced?.newly_read ?? 0, ok: true };
}
