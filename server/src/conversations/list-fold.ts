import { peerOf } from "./conversation-ref.ts";
import type { MessageTuple } from "./conversation-row.ts";
import type { ListedHead } from "./conversation-store.ts";

/*
 * What happened in a direct conversation, as it is appended to both people's lists:
 *   ["s", conversation, ver, seq, sender, tuple of the message; null: hidden from this user]
 *   ["p", conversation, ver, seq, user, position, by how much that user's unread count fell]
 */
export type ListMessageRecord = ["s", number, number, number, number, MessageTuple | null];
export type ListPositionRecord = ["p", number, number, number, number, ListPosition, number];

/** Where somebody is by now, by seq and message; null: as before. */
type ListPosition = [
  readSeq: number | null,
  readId: number | null,
  deliveredSeq: number | null,
  deliveredId: number | null,
];

/** Changes one of the heads by a record. @returns false when the list does not tell what becomes of it */
export function applyToList(heads: ReadonlyMap<number, ListedHead>, record: unknown, viewerId: number): boolean {
  if (!Array.isArray(record)) return false;
  const [kind, conversationId, ver, seq] = record as ListMessageRecord | ListPositionRecord;
  const head = heads.get(conversationId);
  if (head === undefined || (kind !== "s" && kind !== "p")) return false;
  [head.ver, head.seq] = [ver, seq];
  if (kind === "s") applyMessage(head, record as ListMessageRecord, viewerId);
  else applyPosition(head, record as ListPositionRecord, viewerId);
  return true;
}

function applyMessage(head: ListedHead, [, , , , senderId, tuple]: ListMessageRecord, viewerId: number): void {
  if (tuple === null) return;
  head.messages = [tuple];
  head.last_visible_id = tuple[0];
  head.activity = tuple[8];
  if (senderId !== viewerId) head.unread += 1;
}

function applyPosition(
  head: ListedHead,
  [, , , , userId, position, newlyRead]: ListPositionRecord,
  viewerId: number,
): void {
  const [readSeq, readId, deliveredSeq, deliveredId] = position;
  if (head.lo === userId) {
    head.lo_read = readSeq ?? head.lo_read;
    head.lo_delivered = deliveredSeq ?? head.lo_delivered;
  }
  if (head.hi === userId) {
    head.hi_read = readSeq ?? head.hi_read;
    head.hi_delivered = deliveredSeq ?? head.hi_delivered;
  }
  if (userId === viewerId) {
    head.my_read_id = readId ?? head.my_read_id;
    head.my_delivered_id = deliveredId ?? head.my_delivered_id;
    head.unread -= newlyRead;
  }
  if (userId === peerOf(head, viewerId)) {
    head.peer_read_id = readId ?? head.peer_read_id;
    head.peer_delivered_id = deliveredId ?? head.peer_delivered_id;
  }
}

/** The order of the list: newest activity first, then the last message's id; of entries without a message the conversation's. */
export function byActivity(a: ListedHead, b: ListedHead): number {
  const [left, right] = [sortable(a.activity), sortable(b.activity)];
  if (left !== right) return left < right ? 1 : -1;
  return (b.last_visible_id ?? 0) - (a.last_visible_id ?? 0) || b.conversation_id - a.conversation_id;
}

/** RFC 3339 in UTC, with six digits of a second. */
function sortable(time: string): string {
  return `${time.slice(0, 19)}.${time.slice(20, -1).padEnd(6, "0")}`;
}
