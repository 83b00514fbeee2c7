import type { Queries } from "../platform/postgres/database.ts";
import { statement } from "../platform/postgres/statement.ts";

/** Moves a user's position: up to a message (of a group if named), or up to the end of the conversation with a peer. */
export interface PositionUpdate {
  userId: number;
  to: { messageId: number; groupId?: number } | { latestOfPeer: number };
  read: boolean;
}

/** A position that moved. Message ids are 0 when the position is before the first message. */
export interface AdvancedPosition {
  conversation_id: number;
  user_id: number;
  /** Null in a group. */
  peer_id: number | null;
  group_id: number | null;
  ver: number;
  seq: number;
  read_moved: boolean;
  read_message_id: number;
  delivered_message_id: number;
  /** By how much the user's unread count fell. */
  newly_read: number;
  /** Who is told: of a group in which the read position moved, null if it is large; in a direct conversation nobody if there is a block, else null. */
  members: number[] | null;
  /** Versions of the lists by now; `peer_list_ver` is null in a group. */
  user_list_ver: number;
  peer_list_ver: number | null;
  /** Where the positions are by seq. */
  read_seq: number;
  delivered_seq: number;
  /** What this row changes is in cache_dirty. */
  dirty_added: boolean;
}

const advanceBatch = statement<AdvancedPosition>(
  "positions.advance",
  "select * from advance_batch($1, $2, $3, $4, $5, $6)",
);

/**
 * Moves positions forward, all updates in one transaction; see advance-batch.sql.
 * @param epoch under which the cache is marked before the commit; null: it is not
 */
export function advancePositions(
  db: Queries,
  updates: readonly PositionUpdate[],
  epoch: number | null = null,
): Promise<AdvancedPosition[]> {
  return db.query(advanceBatch, [
    updates.map(({ userId }) => userId),
    updates.map(({ to }) => ("messageId" in to ? to.messageId : null)),
    updates.map(({ to }) => ("latestOfPeer" in to ? to.latestOfPeer : null)),
    updates.map(({ to }) => ("groupId" in to ? (to.groupId ?? null) : null)),
    updates.map(({ read }) => read),
    epoch,
  ]);
}
