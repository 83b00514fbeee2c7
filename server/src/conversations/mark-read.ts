import type { RouteOutput } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import { parseId } from "../platform/page-limit.ts";
import type { Advance, Moved } from "./position-store.ts";

/** Moves a position through the write lanes; undefined when nothing moved. */
export type MovePosition = (wish: Advance) => Promise<Moved | undefined>;

/** The caller has read everything that `peerId` wrote. `cleared`: how many messages that were unread. */
export async function markRead(
  move: MovePosition,
  caller: Caller,
  peerId: string | undefined,
): Promise<RouteOutput<"markRead">> {
  const peer = parseId(peerId, "invalid_peer_id");
  const moved = await move({ userId: caller.userId, to: { endWithPeer: peer }, read: true });
  return { cleared: moved?.newly_read ?? 0, ok: true };
}
