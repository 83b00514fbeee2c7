import type { Source } from "../cache/source.ts";
import type { Changed, Post } from "../cache/marks.ts";
import { conversationKey, listKey, unreadKey } from "../conversations/cache-keys.ts";
import { directPlace, type MessageCells, type Place } from "../conversations/conversation-row.ts";
import type { Moved } from "../conversations/position-store.ts";
import { messageRecord, type PositionRecord } from "./history.ts";
import type { StoredRow } from "./message-store.ts";
import type { SendWrite } from "./write-batch.ts";

/** What the write path must know of cached histories. */
export interface HistoryPosts {
  conv: Pick<Source<never, never>, "ttlMs" | "maxBytes">;
  compact: (place: Place) => Promise<void>;
}

/** What stored messages change in the cache: histories get them appended, lists and unread counts are read anew. */
export function sendChanges(stored: readonly { write: SendWrite; row: StoredRow }[], posts: HistoryPosts): Changed[] {
  const fresh = stored.filter(({ row }) => row.outcome === "stored").sort((a, b) => a.row.ver - b.row.ver);
  const conversations = new Map<string, { place: Place; prev: number; ver: number; records: unknown[] }>();
  const others = new Map<string, number>();
  const raise = (key: string, ver: number | null): void => {
    if (ver !== null) others.set(key, Math.max(others.get(key) ?? 0, ver));
  };
  for (const { write, row } of fresh) {
    const { senderId } = write.message;
    const place = placeOf(senderId, row);
    const key = conversationKey(place);
    const known = conversations.get(key) ?? { place, prev: row.prev_ver ?? 0, ver: 0, records: [] };
    conversations.set(key, known);
    known.ver = row.ver;
    known.records.push(messageRecord(cellsOf(write, row)));
    if (row.recipient_id === null) continue;
    if (row.sender_delivered !== null) {
      const moved: PositionRecord = ["p", senderId, null, row.sender_delivered];
      known.records.push(moved);
    }
    raise(listKey(senderId), row.sender_list);
    raise(listKey(row.recipient_id), row.recipient_list);
    raise(unreadKey(row.recipient_id, senderId), row.ver);
  }
  return [
    ...[...conversations].map(([key, { place, prev, ver, records }]) => {
      // The first message makes the conversation; who is in it and how far is read with the next look.
      const post = prev === 0 ? undefined : postTo(posts, place, { prev, records });
      return { key, ver, post };
    }),
    ...[...others].map(([key, ver]) => ({ key, ver })),
  ];
}

/** What moved positions change: in a direct conversation both see it, in a group it is the member's own affair. */
export function advanceChanges(rows: readonly Moved[], posts: HistoryPosts): Changed[] {
  return rows.flatMap((row): Changed[] => {
    const own: Changed = { key: listKey(row.user_id), ver: row.user_list };
    if (row.group_id !== null || row.peer_id === null || row.peer_list === null) return [own];
    const place = directPlace(row.user_id, row.peer_id);
    const record: PositionRecord = ["p", row.user_id, row.read_seq, row.delivered_seq];
    return [
      own,
      {
        key: conversationKey(place),
        ver: row.ver,
        post: postTo(posts, place, { prev: row.ver - 1, records: [record] }),
      },
      { key: listKey(row.peer_id), ver: row.peer_list },
      { key: unreadKey(row.user_id, row.peer_id), ver: row.ver },
    ];
  });
}

export function postTo(posts: HistoryPosts, place: Place, what: { prev: number; records: readonly unknown[] }): Post {
  return { source: posts.conv, ...what, compact: () => posts.compact(place) };
}

function placeOf(senderId: number, { recipient_id: recipientId, group_id: groupId }: StoredRow): Place {
  return recipientId === null ? { groupId: groupId ?? 0 } : directPlace(senderId, recipientId);
}

function cellsOf({ message }: SendWrite, row: StoredRow): MessageCells {
  const reply = row.reply === null ? null : withoutOwnReply(row.reply.cells);
  const { senderId, clientId, messageType, content } = message;
  const { id, seq, ver, created_at: at, hidden } = row;
  return [id, seq, ver, senderId, clientId, messageType, content, 1, at, hidden, reply?.[0] ?? null, reply];
}

/** The cells of a message replied to end where its own reply would stand. */
function withoutOwnReply(cells: MessageCells): MessageCells {
  const copy: MessageCells = [...cells];
  [copy[10], copy[11]] = [null, null];
  return copy;
}
